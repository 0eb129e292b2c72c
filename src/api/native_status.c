/* STATUS and RING, answered from the snapshot that the worker has adopted: no question to anyone.
 */
#include "api/native_nodes.h"
#include "api/native_state.h"
#include "shoal/error.h"

static const struct snapshot *snapshot_or_refuse(struct session *session, uint64_t id)
{
    const struct snapshot *snapshot = worker_snapshot(session->loop->worker);
    int code;
    const char *why = native_mute(snapshot, &code);
    if (why != NULL) {
        session_refuse(session, id, code, why);
        return NULL;
    }
    return snapshot;
}

static void send_or_refuse(struct session *session, uint64_t id, int code)
{
    if (code == 0) {
        connection_send(session->connection);
    } else {
        session_refuse(session, id, code, "the answer could not be put together");
    }
}

void native_take_status(struct session *session, const struct frame *frame)
{
    const struct snapshot *snapshot = snapshot_or_refuse(session, frame->id);
    if (snapshot == NULL) {
        return;
    }
    struct message_status_reply reply;
    int code = native_describe_status(&session->loop->arena, snapshot, &reply);
    struct buffer *out = connection_output(session->connection);
    if (out != NULL) {
        reply.id = frame->id;
        send_or_refuse(session, frame->id,
                       code != 0 ? code : message_status_reply_encode(&reply, out));
    }
}

void native_take_ring(struct session *session, const struct frame *frame)
{
    const struct snapshot *snapshot = snapshot_or_refuse(session, frame->id);
    if (snapshot == NULL) {
        return;
    }
    struct message_ring_reply reply;
    int code =
        native_describe_ring(&session->loop->arena, snapshot, view_newest(snapshot->view), &reply);
    struct buffer *out = connection_output(session->connection);
    if (out != NULL) {
        reply.id = frame->id;
        send_or_refuse(session, frame->id,
                       code != 0 ? code : message_ring_reply_encode(&reply, out));
    }
}
