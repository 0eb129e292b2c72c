/* Commands about the connection itself: what a client says first, and what it says last. There are
 * no passwords yet; until then AUTH and HELLO answer as Redis does where none is configured. */
#include "api/redis/connection.h"

#include "api/redis/session.h"
#include "shoal/error.h"
#include "wire/messages_client.h"

static void run_ping(struct redis_call *call)
{
    if (call->argc > 2) {
        redis_reply_arity(call);
    } else if (call->argc == 2) {
        reply_bulk(call->reply, call->argv[1]);
    } else {
        reply_simple(call->reply, "PONG");
    }
}

static void run_echo(struct redis_call *call)
{
    reply_bulk(call->reply, call->argv[1]);
}

static void run_quit(struct redis_call *call)
{
    call->session->quitting = true;
    reply_simple(call->reply, "OK");
}

static void run_select(struct redis_call *call)
{
    if (redis_take_database(call, call->argv[1])) {
        reply_simple(call->reply, "OK");
    }
}

/* ---- who one is ------------------------------------------------------------------------------ */

/* Redis's user "default" without a password is whoever says so. */
static bool is_default_user(struct bytes name)
{
    return bytes_equal(name, bytes_from_string("default"));
}

static void refuse_password(struct redis_call *call)
{
    reply_error(call->reply, "WRONGPASS invalid username-password pair or user is disabled.");
}

static void run_auth(struct redis_call *call)
{
    if (call->argc > 3) {
        redis_reply_syntax(call);
    } else if (call->argc == 2) {
        reply_error(call->reply, "ERR AUTH <password> called without any password configured for "
                                 "the default user. Are you sure your configuration is correct?");
    } else if (is_default_user(call->argv[1])) {
        reply_simple(call->reply, "OK");
    } else {
        refuse_password(call);
    }
}

bool connection_set_name(struct redis_call *call, struct bytes name)
{
    struct redis_session *session = call->session;
    int code = session == NULL
                   ? client_text_check(name)
                   : client_roll_set(&session->shared->roll, &session->card, CLIENT_NAME, name);
    if (code == SHOAL_EINVAL) {
        reply_error(call->reply, "ERR Client names cannot contain spaces, newlines or special "
                                 "characters.");
    } else if (code == SHOAL_ETOOBIG) {
        reply_error_format(call->reply, "ERR Client names cannot be longer than %u bytes",
                           CLIENT_NAME_BYTES_MAX);
    } else if (code != 0) {
        reply_error(call->reply, "OOM out of memory");
    }
    return code == 0;
}

static void set_protocol(struct redis_call *call, uint8_t protocol)
{
    struct redis_session *session = call->session;
    session->protocol = protocol;
    atomic_store_explicit(&session->card.protocol, protocol, memory_order_relaxed);
    call->reply->resp3 = protocol == 3;
}

/* ---- HELLO ----------------------------------------------------------------------------------- */

/* 2 or 3; 0: none is asked for; false: replied. */
static bool take_protocol(struct redis_call *call, uint8_t *protocol)
{
    int64_t version = 0;
    *protocol = 0;
    if (call->argc < 2) {
        return true;
    }
    if (!redis_integer(call->argv[1], &version)) {
        reply_error(call->reply, "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (version < 2 || version > 3) {
        reply_error(call->reply, "NOPROTO unsupported protocol version");
        return false;
    }
    *protocol = (uint8_t)version;
    return true;
}

static bool take_hello_options(struct redis_call *call)
{
    uint32_t i = 2;
    while (i < call->argc) {
        uint32_t more = call->argc - 1 - i;
        if (redis_is(call->argv[i], "auth") && more >= 2) {
            if (!is_default_user(call->argv[i + 1])) {
                refuse_password(call);
                return false;
            }
            i += 3;
        } else if (redis_is(call->argv[i], "setname") && more >= 1) {
            if (!connection_set_name(call, call->argv[i + 1])) {
                return false;
            }
            i += 2;
        } else {
            struct bytes option = call->argv[i];
            reply_error_format(call->reply, "ERR Syntax error in HELLO option '%.*s'",
                               redis_text(option), option.data);
            return false;
        }
    }
    return true;
}

uint8_t connection_hello_protocol(struct redis_call *call)
{
    uint8_t protocol;
    return take_protocol(call, &protocol) && take_hello_options(call) ? protocol : 0;
}

static void run_hello(struct redis_call *call)
{
    struct redis_session *session = call->session;
    struct reply *reply = call->reply;
    uint8_t protocol;
    if (!take_protocol(call, &protocol) || !take_hello_options(call)) {
        return;
    }
    if (protocol != 0) {
        set_protocol(call, protocol);
    }
    reply_map(reply, 7);
    reply_bulk_text(reply, "server");
    reply_bulk_text(reply, "redis");
    reply_bulk_text(reply, "version");
    reply_bulk_text(reply, REDIS_VERSION_EQUALLED);
    reply_bulk_text(reply, "proto");
    reply_integer(reply, session->protocol);
    reply_bulk_text(reply, "id");
    reply_integer(reply, (int64_t)session->card.id);
    reply_bulk_text(reply, "mode");
    reply_bulk_text(reply, "standalone");
    reply_bulk_text(reply, "role");
    reply_bulk_text(reply, "master");
    reply_bulk_text(reply, "modules");
    reply_array(reply, 0);
}

/* As if the client had connected anew. */
static void run_reset(struct redis_call *call)
{
    struct redis_session *session = call->session;
    redis_transaction_free(session);
    client_roll_set(&session->shared->roll, &session->card, CLIENT_NAME, bytes_make(NULL, 0));
    set_protocol(call, 2);
    session->reply_mode = REDIS_REPLY_ON;
    session->r = QUORUM_DEFAULT;
    session->w = QUORUM_DEFAULT;
    reply_simple(call->reply, "RESET");
}

#define SAYS_ALWAYS (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)

const struct command commands_connection[] = {
    {
        .name = "auth",
        .arity = -2,
        .flags = SAYS_ALWAYS | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY,
        .run = run_auth,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Says who the client is.",
        .syntax = "AUTH [username] password",
        .acl = "@fast @connection",
        .alone = "There are no users yet: answers as Redis does without a password.",
    },
    {
        .name = "client",
        .arity = -2,
        .subcommands = client_parts,
        .group = "connection",
        .since = "2.4.0",
        .complexity = "Depends on subcommand",
        .summary = "Commands about connections.",
        .syntax = "CLIENT subcommand [argument ...]",
        .acl = "@slow",
    },
    {
        .name = "echo",
        .arity = 2,
        .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
        .run = run_echo,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Returns its argument.",
        .syntax = "ECHO message",
        .acl = "@fast @connection",
    },
    {
        .name = "hello",
        .arity = -1,
        .flags = SAYS_ALWAYS | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY,
        .run = run_hello,
        .group = "connection",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Chooses the protocol's version and tells of the server.",
        .syntax = "HELLO [protover [AUTH username password] [SETNAME clientname]]",
        .acl = "@fast @connection",
    },
    {
        .name = "ping",
        .arity = -1,
        .flags = COMMAND_FAST,
        .run = run_ping,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Returns PONG, or its argument.",
        .syntax = "PING [message]",
        .acl = "@fast @connection",
    },
    {
        .name = "quit",
        .arity = -1,
        .flags = SAYS_ALWAYS | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY,
        .barrier = true,
        .run = run_quit,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Ends the connection once all replies are sent.",
        .syntax = "QUIT",
        .acl = "@fast @connection",
    },
    {
        .name = "reset",
        .arity = 1,
        .flags = SAYS_ALWAYS | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY,
        .barrier = true,
        .run = run_reset,
        .group = "connection",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Makes the connection as good as new.",
        .syntax = "RESET",
        .acl = "@fast @connection",
    },
    {
        .name = "select",
        .arity = 2,
        .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
        .run = run_select,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Chooses a database, of which there is one.",
        .syntax = "SELECT index",
        .acl = "@fast @connection",
        .alone = "There is one database, 0; any other answers `ERR DB index is out of range`.",
    },
    {0},
};
