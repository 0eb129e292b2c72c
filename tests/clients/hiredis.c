/* hiredis against a Redis port, as a program would use it: synchronous calls, a pipeline, and a
 * thousand commands at once on a libevent base. Says what is wrong and ends with 1, else with 0.
 *
 *     client-hiredis HOST PORT */
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1000

static int wrong; /* what was found wrong so far */

#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            wrong++;                                                                               \
            fprintf(stderr, "hiredis.c:%d: %s: ", __LINE__, #condition);                           \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)

static bool reply_is(const redisReply *reply, int type, const char *text)
{
    return reply != NULL && reply->type == type && strcmp(reply->str, text) == 0;
}

static const char *reply_text(const redisReply *reply)
{
    return reply != NULL && reply->str != NULL ? reply->str : "(no text)";
}

static void expect_status(redisReply *reply, const char *text)
{
    EXPECT(reply_is(reply, REDIS_REPLY_STATUS, text), "%s", reply_text(reply));
    freeReplyObject(reply);
}

static void expect_integer(redisReply *reply, long long value)
{
    EXPECT(reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == value, "%s",
           reply_text(reply));
    freeReplyObject(reply);
}

static void use_calls(redisContext *context)
{
    static const char binary[] = "a\0b\r\nc\xff";
    redisReply *reply;

    expect_status(redisCommand(context, "PING"), "PONG");
    expect_status(redisCommand(context, "SET %s %b", "hi:binary", binary, sizeof(binary)), "OK");
    reply = redisCommand(context, "GET hi:binary");
    EXPECT(reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len == sizeof(binary) &&
               memcmp(reply->str, binary, sizeof(binary)) == 0,
           "%s", reply_text(reply));
    freeReplyObject(reply);
    expect_integer(redisCommand(context, "DEL hi:binary hi:counter hi:none"), 1);
    reply = redisCommand(context, "GET hi:binary");
    EXPECT(reply != NULL && reply->type == REDIS_REPLY_NIL, "%s", reply_text(reply));
    freeReplyObject(reply);
    reply = redisCommand(context, "GET");
    EXPECT(reply_is(reply, REDIS_REPLY_ERROR, "ERR wrong number of arguments for 'get' command"),
           "%s", reply_text(reply));
    freeReplyObject(reply);
    expect_status(redisCommand(context, "MSET hi:1 one hi:2 two"), "OK");
    reply = redisCommand(context, "MGET hi:1 hi:none hi:2");
    EXPECT(reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
               reply_is(reply->element[0], REDIS_REPLY_STRING, "one") &&
               reply->element[1]->type == REDIS_REPLY_NIL &&
               reply_is(reply->element[2], REDIS_REPLY_STRING, "two"),
           "%s", reply_text(reply));
    freeReplyObject(reply);
}

static void use_pipeline(redisContext *context)
{
    for (int i = 0; i < MANY; i++) {
        redisAppendCommand(context, "INCRBY hi:counter 2");
    }
    for (int i = 0; i < MANY; i++) {
        void *reply = NULL;
        if (redisGetReply(context, &reply) != REDIS_OK) {
            EXPECT(false, "reply %d: %s", i, context->errstr);
            return;
        }
        expect_integer(reply, 2LL * (i + 1));
    }
}

struct tally {
    struct event_base *base;
    int next; /* replies come in the order of the commands */
};

static void on_get(redisAsyncContext *context, void *data, void *user)
{
    struct tally *tally = user;
    char wanted[32];

    (void)context;
    snprintf(wanted, sizeof(wanted), "value %d", tally->next);
    EXPECT(reply_is(data, REDIS_REPLY_STRING, wanted), "%s", reply_text(data));
    if (++tally->next == MANY) {
        event_base_loopexit(tally->base, NULL);
    }
}

static void use_events(const char *host, int port)
{
    struct tally tally = {.base = event_base_new()};
    redisAsyncContext *context = redisAsyncConnect(host, port);

    if (tally.base == NULL || context == NULL || context->err != 0) {
        EXPECT(false, "%s", context != NULL ? context->errstr : "no memory");
        return;
    }
    redisLibeventAttach(context, tally.base);
    for (int i = 0; i < MANY; i++) {
        redisAsyncCommand(context, NULL, NULL, "SET hi:async:%d %b", i, "", (size_t)0);
        char value[32];
        size_t length = (size_t)snprintf(value, sizeof(value), "value %d", i);
        redisAsyncCommand(context, NULL, NULL, "SET hi:async:%d %b", i, value, length);
        redisAsyncCommand(context, on_get, &tally, "GET hi:async:%d", i);
    }
    event_base_dispatch(tally.base);
    EXPECT(tally.next == MANY, "%d replies", tally.next);
    redisAsyncDisconnect(context);
    event_base_dispatch(tally.base);
    event_base_free(tally.base);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s HOST PORT\n", argv[0]);
        return EXIT_FAILURE;
    }
    int port = atoi(argv[2]);
    redisContext *context = redisConnect(argv[1], port);
    if (context == NULL || context->err != 0) {
        fprintf(stderr, "no connection: %s\n", context != NULL ? context->errstr : "no memory");
        return EXIT_FAILURE;
    }
    use_calls(context);
    use_pipeline(context);
    redisFree(context);
    use_events(argv[1], port);
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
