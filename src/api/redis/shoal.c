/* What Redis doesn't have: SHOAL.QUORUM chooses how many owners reads and writes of this connection
 * wait for; SHOAL.GET shows every concurrent value of a key with the context that SHOAL.PUT and
 * SHOAL.DEL resolve them by, which Redis's own commands hide. Contexts are the core's tokens, as
 * other surfaces have them. */
#include "api/redis/desk.h"
#include "shoal/error.h"

#define SINCE "0.1.0"

/* ---- SHOAL.QUORUM ---------------------------------------------------------------------------- */

static const struct {
    const char *word;
    int32_t value;
} quorums[] = {
    {"default", QUORUM_DEFAULT}, {"one", 1}, {"quorum", QUORUM_MAJORITY}, {"all", QUORUM_ALL}};

#define QUORUMS (sizeof(quorums) / sizeof(quorums[0]))

/* A word or a number of owners. False: replied. */
static bool take_quorum(struct redis_call *call, struct bytes text, int32_t *out)
{
    int64_t number;
    for (size_t i = 0; i < QUORUMS; i++) {
        if (redis_is(text, quorums[i].word)) {
            *out = quorums[i].value;
            return true;
        }
    }
    if (!redis_integer(text, &number) || number < 1 || number > (int64_t)LIMIT_REPLICAS) {
        reply_error_format(call->reply,
                           "ERR a quorum is a number from 1 to %u, or one, quorum, all or default",
                           LIMIT_REPLICAS);
        return false;
    }
    *out = (int32_t)number;
    return true;
}

static void reply_quorum(struct reply *reply, int32_t value)
{
    for (size_t i = 0; i < QUORUMS; i++) {
        if (value == quorums[i].value && value <= 0) {
            reply_bulk_text(reply, quorums[i].word);
            return;
        }
    }
    reply_bulk_integer(reply, value);
}

static void run_quorum(struct redis_call *call)
{
    struct redis_session *session = call->session;
    int32_t r;
    int32_t w;
    if (call->argc == 1) {
        reply_array(call->reply, 2);
        reply_quorum(call->reply, session->r);
        reply_quorum(call->reply, session->w);
    } else if (call->argc != 3) {
        redis_reply_arity(call);
    } else if (take_quorum(call, call->argv[1], &r) && take_quorum(call, call->argv[2], &w)) {
        session->r = r;
        session->w = w;
        reply_simple(call->reply, "OK");
    }
}

/* ---- SHOAL.GET ------------------------------------------------------------------------------- */

/* A deleted key has a context and no values; what never was has neither. */
static void reply_siblings(struct reply *reply, const struct outcome *outcome)
{
    if (outcome->code == SHOAL_ENOTFOUND && outcome->context.data == NULL) {
        reply_null_array(reply);
        return;
    }
    reply_array(reply, outcome->value_count + 1);
    reply_bulk(reply, outcome->context);
    for (uint32_t i = 0; i < outcome->value_count; i++) {
        reply_bulk(reply, outcome->values[i].value);
    }
}

static void on_got(struct request *request, const struct outcome *outcome)
{
    struct redis_pending *pending = request->user;
    if (outcome->code != 0 && outcome->code != SHOAL_ENOTFOUND) {
        redis_pending_fail(pending, outcome->code, outcome->text);
        return;
    }
    reply_siblings(&pending->reply, outcome);
    redis_pending_done(pending);
}

static bool begin_get(struct redis_pending *pending)
{
    pending->request.op = REQUEST_GET;
    pending->request.done = on_got;
    return true;
}

/* ---- SHOAL.PUT and SHOAL.DEL ----------------------------------------------------------------- */

static void on_written(struct request *request, const struct outcome *outcome)
{
    struct redis_pending *pending = request->user;
    if (outcome->code != 0) {
        redis_pending_fail(pending, outcome->code, outcome->text);
        return;
    }
    reply_simple(&pending->reply, "OK");
    redis_pending_done(pending);
}

/* An empty one is none: what a read quorum holds is replaced. */
static struct bytes context_of(struct bytes argument)
{
    return argument.len > 0 ? argument : bytes_make(NULL, 0);
}

/* EX seconds or PX milliseconds; false: replied. */
static bool take_life(struct redis_call *call, struct request *request)
{
    int64_t expiry_ms;
    if (call->argc == 4) {
        return true;
    }
    bool seconds = redis_is(call->argv[4], "ex");
    if (call->argc != 6 || (!seconds && !redis_is(call->argv[4], "px"))) {
        redis_reply_syntax(call);
        return false;
    }
    if (!redis_take_expiry(call, call->argv[5], seconds, true, &expiry_ms)) {
        return false;
    }
    if (expiry_ms <= (int64_t)call->now_ms) {
        redis_reply_expiry(call);
        return false;
    }
    request->expiry_ms = (uint64_t)expiry_ms;
    return true;
}

static bool begin_put(struct redis_pending *pending)
{
    struct redis_call *call = &pending->call;
    struct request *request = &pending->request;
    call->now_ms = loop_now(pending->session->loop).wall_ms;
    request->op = REQUEST_PUT;
    request->done = on_written;
    request->value = call->argv[2];
    request->context = context_of(call->argv[3]);
    if (request->value.data == NULL) {
        request->value.data = (const uint8_t *)""; /* empty, not absent */
    }
    return redis_take_size(call, request->value.len) && take_life(call, request);
}

static bool begin_del(struct redis_pending *pending)
{
    pending->request.op = REQUEST_DELETE;
    pending->request.done = on_written;
    pending->request.context = context_of(pending->call.argv[2]);
    return true;
}

/* ---- all of them ----------------------------------------------------------------------------- */

void redis_context_begin(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct redis_call *call = &pending->call;
    char what = call->command->name[6]; /* behind "shoal." */
    pending->request = (struct request){
        .key = call->argv[1],
        .options = {.r = session->r, .w = session->w},
        .surface = SURFACE_REDIS,
        .user = pending,
    };
    bool ok = what == 'g'   ? begin_get(pending)
              : what == 'p' ? begin_put(pending)
                            : begin_del(pending);
    if (!ok) {
        redis_pending_done(pending);
        return;
    }
    worker_submit(session->loop->worker, loop_now(session->loop), &pending->request);
}

#define CLUSTERED_RESOLVES                                                                         \
    "Replaces exactly the values that the context has seen; what others wrote meanwhile stays "    \
    "beside it."
#define ALONE_SHOAL "Redis has no such command."

const struct command commands_shoal[] = {
    {
        .name = "shoal.del",
        .arity = 3,
        .flags = COMMAND_WRITE | COMMAND_NO_MULTI,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_CONTEXT,
        .group = "shoal",
        .since = SINCE,
        .complexity = "O(1)",
        .summary = "Deletes the values of a key that the context has seen.",
        .syntax = "SHOAL.DEL key context",
        .acl = "@keyspace @write @slow",
        .clustered = CLUSTERED_RESOLVES,
        .alone = ALONE_SHOAL,
    },
    {
        .name = "shoal.get",
        .arity = 2,
        .flags = COMMAND_READONLY | COMMAND_NO_MULTI,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_CONTEXT,
        .group = "shoal",
        .since = SINCE,
        .complexity = "O(N) where N is the number of concurrent values",
        .summary = "The context of a key and all its concurrent values, the one that GET shows "
                   "first; null if there never was one.",
        .syntax = "SHOAL.GET key",
        .acl = "@keyspace @read @slow",
        .clustered = "Read by R owners. A deleted key has a context and no values.",
        .alone = ALONE_SHOAL,
    },
    {
        .name = "shoal.put",
        .arity = -4,
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_NO_MULTI,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_CONTEXT,
        .group = "shoal",
        .since = SINCE,
        .complexity = "O(1)",
        .summary = "Puts one value in the place of those that the context has seen; an empty "
                   "context stands for all that a read quorum holds.",
        .syntax = "SHOAL.PUT key value context [EX seconds | PX milliseconds]",
        .acl = "@keyspace @write @slow",
        .clustered = CLUSTERED_RESOLVES,
        .alone = ALONE_SHOAL,
    },
    {
        .name = "shoal.quorum",
        .arity = -1,
        .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
        .run = run_quorum,
        .group = "shoal",
        .since = SINCE,
        .complexity = "O(1)",
        .summary = "How many owners the connection's reads and writes wait for: a number, or one, "
                   "quorum, all or default. Without arguments: shows both.",
        .syntax = "SHOAL.QUORUM [r w]",
        .acl = "@connection @fast",
        .clustered = "Holds for what the connection asks from then on, until RESET.",
        .alone = ALONE_SHOAL,
    },
    {0},
};
