/* CLIENT and its parts: what a client says of itself, and what all clients of the node can be told
 * and done to, whichever worker serves them. */
#include <stdio.h>
#include <stdlib.h>

#include "api/redis/connection.h"
#include "api/redis/documents.h"
#include "api/redis/session.h"
#include "base/memory.h"
#include "shoal/error.h"

/* ---- of itself ------------------------------------------------------------------------------- */

static void run_id(struct redis_call *call)
{
    reply_integer(call->reply, (int64_t)call->session->card.id);
}

static void run_get_name(struct redis_call *call)
{
    const char *name = call->session->card.texts[CLIENT_NAME];
    if (name == NULL) {
        reply_null(call->reply);
    } else {
        reply_bulk_text(call->reply, name);
    }
}

static void run_set_name(struct redis_call *call)
{
    if (connection_set_name(call, call->argv[2])) {
        reply_simple(call->reply, "OK");
    }
}

static void run_set_info(struct redis_call *call)
{
    struct redis_session *session = call->session;
    enum client_text which = CLIENT_LIBRARY;
    const char *attribute = "lib-name";
    if (redis_is(call->argv[2], "lib-ver")) {
        which = CLIENT_LIBRARY_VERSION;
        attribute = "lib-ver";
    } else if (!redis_is(call->argv[2], "lib-name")) {
        reply_error_format(call->reply, "ERR Unrecognized option '%.*s'", redis_text(call->argv[2]),
                           call->argv[2].data);
        return;
    }
    int code = client_roll_set(&session->shared->roll, &session->card, which, call->argv[3]);
    if (code == 0) {
        reply_simple(call->reply, "OK");
    } else if (code == SHOAL_EINVAL) {
        reply_error_format(call->reply,
                           "ERR %s cannot contain spaces, newlines or special characters.",
                           attribute);
    } else {
        reply_error_format(call->reply, "ERR %s cannot be kept: %s", attribute,
                           shoal_error_text(code));
    }
}

/* ON or OFF; false: neither, and replied. */
static bool take_switch(struct redis_call *call, bool *on)
{
    if (redis_is(call->argv[2], "on")) {
        *on = true;
        return true;
    }
    if (redis_is(call->argv[2], "off")) {
        *on = false;
        return true;
    }
    redis_reply_syntax(call);
    return false;
}

static void run_no_evict(struct redis_call *call)
{
    bool on;
    if (take_switch(call, &on)) {
        atomic_store_explicit(&call->session->card.no_evict, on, memory_order_relaxed);
        reply_simple(call->reply, "OK");
    }
}

static void run_no_touch(struct redis_call *call)
{
    bool on;
    if (take_switch(call, &on)) {
        call->session->no_touch = on;
        reply_simple(call->reply, "OK");
    }
}

static void run_reply(struct redis_call *call)
{
    struct redis_session *session = call->session;
    if (redis_is(call->argv[2], "on")) {
        session->reply_mode = REDIS_REPLY_ON;
        reply_simple(call->reply, "OK");
    } else if (redis_is(call->argv[2], "off")) {
        session->reply_mode = REDIS_REPLY_OFF;
    } else if (redis_is(call->argv[2], "skip")) {
        if (session->reply_mode != REDIS_REPLY_OFF) {
            session->reply_mode = REDIS_REPLY_SKIP_NEXT;
        }
    } else {
        redis_reply_syntax(call);
    }
}

/* ---- CLIENT LIST, CLIENT INFO ---------------------------------------------------------------- */

static uint64_t wall_ms(const struct redis_call *call)
{
    return loop_now(call->session->loop).wall_ms;
}

/* What the call takes on the wire as an array of bulk strings. */
static size_t asked_bytes(const struct redis_call *call)
{
    size_t bytes = (size_t)snprintf(NULL, 0, "*%u\r\n", call->argc);
    for (uint32_t i = 0; i < call->argc; i++) {
        size_t len = call->argv[i].len;
        bytes += (size_t)snprintf(NULL, 0, "$%zu\r\n", len) + len + 2;
    }
    return bytes;
}

static int describe(const struct redis_call *call, const struct client_card *card, uint64_t now_ms,
                    struct buffer *out)
{
    size_t asking = card == &call->session->card ? asked_bytes(call) : 0;
    int code = client_card_describe(card, now_ms, asking, out);
    return code == 0 ? buffer_append(out, "\n", 1) : code;
}

static int describe_all(const struct redis_call *call, uint64_t now_ms, struct buffer *out)
{
    struct client_roll *roll = &call->session->shared->roll;
    int code = 0;
    for (struct queue *at = roll->cards.next; at != &roll->cards && code == 0; at = at->next) {
        const struct client_card *card = QUEUE_ITEM(at, struct client_card, link);
        if (!card->killed) {
            code = describe(call, card, now_ms, out);
        }
    }
    return code;
}

static int compare_ids(const void *id, const void *item)
{
    uint64_t wanted = *(const uint64_t *)id;
    uint64_t found = (*(const struct client_card *const *)item)->id;
    return wanted < found ? -1 : wanted > found;
}

/* Those asked for, in the order asked. */
static int describe_some(const struct redis_call *call, const uint64_t *ids, uint32_t count,
                         uint64_t now_ms, struct buffer *out)
{
    struct client_roll *roll = &call->session->shared->roll;
    uint32_t known = 0;
    const struct client_card **cards = mem_alloc((roll->count + 1) * sizeof(void *));
    if (cards == NULL) {
        return SHOAL_ENOMEM;
    }
    for (struct queue *at = roll->cards.next; at != &roll->cards; at = at->next) {
        cards[known++] = QUEUE_ITEM(at, struct client_card, link);
    }
    int code = 0;
    for (uint32_t i = 0; i < count && code == 0; i++) {
        const struct client_card **found =
            bsearch(&ids[i], cards, known, sizeof(void *), compare_ids);
        if (found != NULL && !(*found)->killed) {
            code = describe(call, *found, now_ms, out);
        }
    }
    mem_free(cards);
    return code;
}

/* What a client is to Redis: here all are normal. -1: there is no such type, and replied. */
static int take_type(struct redis_call *call, struct bytes name, bool *normal)
{
    *normal = redis_is(name, "normal");
    if (*normal || redis_is(name, "master") || redis_is(name, "replica") ||
        redis_is(name, "slave") || redis_is(name, "pubsub")) {
        return 0;
    }
    reply_error_format(call->reply, "ERR Unknown client type '%.*s'", redis_text(name), name.data);
    return -1;
}

static void reply_text(struct redis_call *call, int code, struct buffer *text)
{
    if (code == 0) {
        reply_verbatim(call->reply, "txt", buffer_bytes(text));
    } else {
        reply_error_format(call->reply, "ERR the reply can't be put together: %s",
                           shoal_error_text(code));
    }
    buffer_deinit(text);
}

static void list_by_id(struct redis_call *call)
{
    struct client_roll *roll = &call->session->shared->roll;
    uint32_t count = call->argc - 3;
    uint64_t *ids = mem_alloc(count * sizeof(*ids));
    if (ids == NULL) {
        reply_error(call->reply, "OOM out of memory");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t id;
        if (!redis_integer(call->argv[i + 3], &id)) {
            reply_error(call->reply, "ERR Invalid client ID");
            mem_free(ids);
            return;
        }
        ids[i] = (uint64_t)id;
    }
    struct buffer text;
    buffer_init(&text, LIMIT_QUEUE_BYTES_PER_CLIENT / 2);
    pthread_mutex_lock(&roll->lock);
    int code = describe_some(call, ids, count, wall_ms(call), &text);
    pthread_mutex_unlock(&roll->lock);
    mem_free(ids);
    reply_text(call, code, &text);
}

static void run_list(struct redis_call *call)
{
    struct client_roll *roll = &call->session->shared->roll;
    bool normal = true;
    if (call->argc == 4 && redis_is(call->argv[2], "type")) {
        if (take_type(call, call->argv[3], &normal) != 0) {
            return;
        }
    } else if (call->argc > 3 && redis_is(call->argv[2], "id")) {
        list_by_id(call);
        return;
    } else if (call->argc != 2) {
        redis_reply_syntax(call);
        return;
    }
    struct buffer text;
    buffer_init(&text, LIMIT_QUEUE_BYTES_PER_CLIENT / 2);
    pthread_mutex_lock(&roll->lock);
    int code = normal ? describe_all(call, wall_ms(call), &text) : 0;
    pthread_mutex_unlock(&roll->lock);
    reply_text(call, code, &text);
}

static void run_info(struct redis_call *call)
{
    struct buffer text;
    buffer_init(&text, 0);
    int code = describe(call, &call->session->card, wall_ms(call), &text);
    reply_text(call, code, &text);
}

/* ---- CLIENT KILL ----------------------------------------------------------------------------- */

/* Who is meant: all that is set must be so. */
struct kill_filter {
    uint64_t id; /* 0: any */
    struct bytes address, local_address;
    bool has_address, has_local_address;
    bool nobody; /* of a type that there isn't here */
    bool skip_self;
};

/* Sent to the loop that serves the client. */
struct kill_errand {
    struct errand errand;
    struct redis_shared *shared;
    uint64_t id;
};

static struct redis_session *find_here(struct redis_shared *shared, uint64_t id)
{
    struct client_roll *roll = &shared->roll;
    struct redis_session *found = NULL;
    pthread_mutex_lock(&roll->lock);
    for (struct queue *at = roll->cards.next; at != &roll->cards; at = at->next) {
        struct client_card *card = QUEUE_ITEM(at, struct client_card, link);
        if (card->id == id) {
            found = QUEUE_ITEM(card, struct redis_session, card);
            break;
        }
    }
    pthread_mutex_unlock(&roll->lock);
    return found; /* only this thread could end it */
}

static void run_kill_errand(struct errand *errand, struct loop *loop, bool dropped)
{
    (void)loop;
    struct kill_errand *kill = (struct kill_errand *)(void *)errand;
    if (!dropped) {
        struct redis_session *session = find_here(kill->shared, kill->id);
        if (session != NULL) {
            redis_session_kill(session);
        }
    }
    mem_free(kill);
}

static bool is_meant(const struct kill_filter *filter, const struct client_card *card)
{
    return !card->killed && !filter->nobody && (filter->id == 0 || filter->id == card->id) &&
           (!filter->has_address ||
            bytes_equal(filter->address, bytes_from_string(card->address))) &&
           (!filter->has_local_address ||
            bytes_equal(filter->local_address, bytes_from_string(card->local_address)));
}

static int64_t kill_all(struct redis_call *call, const struct kill_filter *filter)
{
    struct redis_session *session = call->session;
    struct client_roll *roll = &session->shared->roll;
    int64_t killed = 0;
    pthread_mutex_lock(&roll->lock);
    for (struct queue *at = roll->cards.next; at != &roll->cards; at = at->next) {
        struct client_card *card = QUEUE_ITEM(at, struct client_card, link);
        if (!is_meant(filter, card) || (card == &session->card && filter->skip_self)) {
            continue;
        }
        if (card == &session->card) {
            session->quitting = true; /* once it has its reply */
        } else {
            struct kill_errand *kill = mem_alloc_zeroed(1, sizeof(*kill));
            if (kill == NULL) {
                continue; /* and isn't counted */
            }
            *kill = (struct kill_errand){
                .errand.run = run_kill_errand, .shared = session->shared, .id = card->id};
            loop_errand(card->loop, &kill->errand);
        }
        card->killed = true;
        killed++;
    }
    pthread_mutex_unlock(&roll->lock);
    return killed;
}

static bool take_kill_id(struct redis_call *call, struct bytes text, uint64_t *out)
{
    int64_t id;
    if (!redis_integer(text, &id) || id < 1) {
        reply_error(call->reply, "ERR client-id should be greater than 0");
        return false;
    }
    *out = (uint64_t)id;
    return true;
}

/* One option and its value; false: refused, and replied. */
static bool take_kill_option(struct redis_call *call, struct bytes option, struct bytes value,
                             struct kill_filter *filter)
{
    bool normal = true;
    if (redis_is(option, "id")) {
        return take_kill_id(call, value, &filter->id);
    }
    if (redis_is(option, "type")) {
        if (take_type(call, value, &normal) != 0) {
            return false;
        }
        filter->nobody |= !normal;
    } else if (redis_is(option, "addr")) {
        filter->address = value;
        filter->has_address = true;
    } else if (redis_is(option, "laddr")) {
        filter->local_address = value;
        filter->has_local_address = true;
    } else if (redis_is(option, "user")) {
        if (!bytes_equal(value, bytes_from_string("default"))) {
            reply_error_format(call->reply, "ERR No such user '%.*s'", redis_text(value),
                               value.data);
            return false;
        }
    } else if (redis_is(option, "skipme") && (redis_is(value, "yes") || redis_is(value, "no"))) {
        filter->skip_self = redis_is(value, "yes");
    } else {
        redis_reply_syntax(call);
        return false;
    }
    return true;
}

static void run_kill(struct redis_call *call)
{
    struct kill_filter filter = {.skip_self = true};
    if (call->argc == 3) { /* the old form: an address, be it one's own */
        filter = (struct kill_filter){.has_address = true, .address = call->argv[2]};
        if (kill_all(call, &filter) == 0) {
            reply_error(call->reply, "ERR No such client");
        } else {
            reply_simple(call->reply, "OK");
        }
        return;
    }
    for (uint32_t i = 2; i < call->argc; i += 2) {
        if (i + 1 == call->argc) {
            redis_reply_syntax(call);
            return;
        }
        if (!take_kill_option(call, call->argv[i], call->argv[i + 1], &filter)) {
            return;
        }
    }
    reply_integer(call->reply, kill_all(call, &filter));
}

#define OF_CLIENT (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)

#define PART(name_, arity_, flags_, run_, since_, complexity_, syntax_, summary_, acl_)            \
    {                                                                                              \
        .name = (name_), .arity = (arity_), .flags = (flags_), .run = (run_),                      \
        .group = "connection", .since = (since_), .complexity = (complexity_),                     \
        .syntax = (syntax_), .summary = (summary_), .acl = (acl_)                                  \
    }

#define SAYS "@slow @connection"
#define RULES "@admin @slow @dangerous @connection"

const struct command client_parts[] = {
    PART("getname", 2, OF_CLIENT, run_get_name, "2.6.9", "O(1)", "CLIENT GETNAME",
         "Returns the connection's name.", SAYS),
    PART("help", 2, COMMAND_LOADING | COMMAND_STALE, redis_help, "5.0.0", "O(1)", "CLIENT HELP",
         "Lists these.", SAYS),
    PART("id", 2, OF_CLIENT, run_id, "5.0.0", "O(1)", "CLIENT ID",
         "Returns the connection's number, unique on this node.", SAYS),
    PART("info", 2, OF_CLIENT, run_info, "6.2.0", "O(1)", "CLIENT INFO",
         "Describes the connection.", SAYS),
    PART("kill", -3, OF_CLIENT | COMMAND_ADMIN, run_kill, "2.4.0",
         "O(N) where N is the number of connections",
         "CLIENT KILL <ip:port | [ID id] [TYPE type] [USER name] [ADDR ip:port] [LADDR ip:port] "
         "[SKIPME YES | NO]>",
         "Ends connections of this node, whichever worker serves them.", RULES),
    PART("list", -2, OF_CLIENT | COMMAND_ADMIN, run_list, "2.4.0",
         "O(N) where N is the number of connections",
         "CLIENT LIST [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID id [id ...]]",
         "Describes the connections of this node.", RULES),
    PART("no-evict", 3, OF_CLIENT | COMMAND_ADMIN, run_no_evict, "7.0.0", "O(1)",
         "CLIENT NO-EVICT ON | OFF",
         "Notes that the client is not to be evicted; none ever is for memory's sake.", RULES),
    PART("no-touch", 3, OF_CLIENT, run_no_touch, "7.2.0", "O(1)", "CLIENT NO-TOUCH ON | OFF",
         "Notes that reads are not to count as use; there is nothing that counts use.", SAYS),
    PART("reply", 3, OF_CLIENT, run_reply, "3.2.0", "O(1)", "CLIENT REPLY ON | OFF | SKIP",
         "Says whether replies are wanted.", SAYS),
    PART("setinfo", 4, OF_CLIENT, run_set_info, "7.2.0", "O(1)",
         "CLIENT SETINFO LIB-NAME name | LIB-VER version",
         "Says which library the client uses, for CLIENT LIST.", SAYS),
    PART("setname", 3, OF_CLIENT, run_set_name, "2.6.9", "O(1)", "CLIENT SETNAME name",
         "Names the connection, for CLIENT LIST.", SAYS),
    {0},
};
