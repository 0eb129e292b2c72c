/* Counting commands: by what they do to keys, by how they end, and how long they took. What is done
 * at once, as nearly all is on a node that keeps its data in memory, costs one addition. */
#include "api/redis/desk.h"

/* The first word of an error says how it came about (pending.c: word_for). */
static enum served_result result_of_error(struct bytes reply)
{
    static const char *const failures[] = {"-OOM", "-MISCONF", "-LOADING", "-NOREPLICAS"};
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        size_t len = strlen(failures[i]);
        if (reply.len > len && memcmp(reply.data, failures[i], len) == 0) {
            return SERVED_FAILED;
        }
    }
    return SERVED_REFUSED;
}

static enum served_result result_of(const struct redis_pending *pending, enum served_op op)
{
    const struct buffer *out = pending->reply.out;
    struct bytes reply = bytes_make(out->data + pending->mark, out->len - pending->mark);
    if (reply.len == 0) {
        return SERVED_OK; /* a silent one */
    }
    if (reply.data[0] == '-') {
        return pending->code != 0 ? served_result_of(pending->code) : result_of_error(reply);
    }
    bool null =
        reply.data[0] == '_' || (reply.len > 2 && reply.data[0] == '$' && reply.data[1] == '-');
    return null && op == SERVED_GET ? SERVED_MISSING : SERVED_OK;
}

static enum served_op op_of_keys(const struct command *command)
{
    switch (command->spread) {
    case SPREAD_READ:
        return SERVED_GET;
    case SPREAD_WRITE:
        return SERVED_PUT;
    case SPREAD_UPDATE:
        return SERVED_DELETE;
    case SPREAD_ADD:
        return SERVED_ADD;
    case SPREAD_EXPIRE:
        return SERVED_EXPIRE;
    case SPREAD_LINEAR:
    case SPREAD_NONE:
        break;
    }
    return (command->flags & COMMAND_WRITE) != 0 ? SERVED_PUT : SERVED_GET;
}

static enum served_op op_of(const struct redis_pending *pending)
{
    const struct command *command = pending->call.command;
    if (command == NULL) {
        return SERVED_OTHER;
    }
    switch (command->kind) {
    case COMMAND_KEYS:
    case COMMAND_CONTEXT:
        return op_of_keys(command);
    case COMMAND_SWEEP:
        return (command->flags & COMMAND_WRITE) != 0 ? SERVED_DELETE : SERVED_LIST;
    case COMMAND_CONTROL:
        return pending->transaction != NULL ? SERVED_EXECUTE : SERVED_OTHER;
    case COMMAND_SESSION:
        break;
    }
    return SERVED_OTHER;
}

void redis_count_served(const struct redis_pending *pending, bool at_once)
{
    const struct redis_session *session = pending->session;
    const struct redis_options *options = &session->shared->options;
    const struct served_metrics *ids = &options->metric_ids.served;
    enum served_op op = op_of(pending);
    enum served_result result = result_of(pending, op);
    if (at_once) {
        served_run_add(options->metrics, session->loop->index, ids, &session->desk->run, op,
                       result);
        return;
    }
    served_count(options->metrics, session->loop->index, ids, op, result,
                 loop_now(session->loop).mono_us - pending->since_us);
}

void redis_count_told(const struct redis_session *session)
{
    const struct redis_options *options = &session->shared->options;
    served_run_tell(options->metrics, session->loop->index, &options->metric_ids.served,
                    &session->desk->run);
}
