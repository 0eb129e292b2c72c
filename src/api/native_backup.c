/* BACKUP: handed to the server, which makes backups on a thread of its own; the answer is how the
 * last one goes. */
#include <string.h>

#include "api/native_state.h"
#include "shoal/error.h"

static void send_state(struct session *session, uint64_t id,
                       const struct native_backup_state *state)
{
    struct message_backup_reply reply = {
        .id = id,
        .number = state->number,
        .state = state->state,
        .code = state->code,
        .path = bytes_from_string(state->path),
        .files = state->files,
        .bytes = state->bytes,
        .bytes_done = state->bytes_done,
    };
    if (state->code != 0) {
        reply.text = bytes_from_string(state->text);
    }
    struct buffer *out = connection_output(session->connection);
    if (out == NULL) {
        return;
    }
    if (message_backup_reply_encode(&reply, out) != 0) {
        connection_close(session->connection);
        return;
    }
    connection_send(session->connection);
}

void native_take_backup(struct session *session, const struct frame *frame)
{
    const struct native_backup *port = &session->desk->native->options.backup;
    struct message_backup message;
    char text[NATIVE_BACKUP_TEXT_BYTES];
    int code = message_backup_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        session_refuse(session, frame->id, code, "the request's fields are malformed");
        return;
    }
    if (port->self == NULL) {
        session_refuse(session, frame->id, SHOAL_EUNSUPPORTED, "this node makes no backups");
        return;
    }
    if (message.path.data != NULL) {
        code = port->begin(port->self, message.path, text);
        if (code != 0) {
            session_refuse(session, frame->id, code, text);
            return;
        }
    }
    struct native_backup_state state;
    port->look(port->self, &state);
    send_state(session, frame->id, &state);
}
