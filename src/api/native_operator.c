/* What operators ask of the cluster (JOIN, VERIFY, REPAIR, CHANGE), on its way into the core; the
 * answers go the way of all requests. */
#include "api/native_state.h"
#include "base/memory.h"
#include "shoal/error.h"

void native_take_join(struct session *session, const struct frame *frame)
{
    struct message_join message;
    char text[NATIVE_TEXT_BYTES];
    int code = message_join_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        native_refuse_fields(session, frame, code);
        return;
    }
    code = native_check_join(&message, text);
    if (code != 0) {
        session_refuse(session, frame->id, code, text);
        return;
    }
    struct message_join *join = mem_alloc(sizeof(*join));
    struct native_request *request =
        join == NULL ? NULL : native_begin(session, frame, NATIVE_OP_JOIN);
    if (request == NULL) {
        mem_free(join);
        if (join == NULL) {
            session_refuse(session, frame->id, SHOAL_ENOMEM, "out of memory");
        }
        return;
    }
    *join = message;
    request->kept = join;
    request->request.op = REQUEST_JOIN;
    request->request.key = bytes_from_string(join->host);
    request->request.limit = join->port;
    request->request.stage = join->stage;
    request->request.options.timeout_us = join->timeout_us;
    native_submit(request);
}

void native_take_verify(struct session *session, const struct frame *frame)
{
    struct message_verify message;
    char text[NATIVE_TEXT_BYTES];
    int code = message_verify_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        native_refuse_fields(session, frame, code);
        return;
    }
    code = native_check_timeout(message.timeout_us, text);
    if (code != 0) {
        session_refuse(session, frame->id, code, text);
        return;
    }
    struct native_request *request = native_begin(session, frame, NATIVE_OP_VERIFY);
    if (request != NULL) {
        request->request.op = REQUEST_VERIFY;
        request->request.with_values = message.with_values;
        request->request.options.timeout_us = message.timeout_us;
        native_submit(request);
    }
}

/* From a client it is always passed on: a node that stays alone with it would be of little use. */
void native_take_repair(struct session *session, const struct frame *frame)
{
    struct message_repair message;
    int code = message_repair_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        native_refuse_fields(session, frame, code);
        return;
    }
    struct native_request *request = native_begin(session, frame, NATIVE_OP_REPAIR);
    if (request != NULL) {
        request->request.op = REQUEST_REPAIR;
        native_submit(request);
    }
}

/* The names stay where they were received. */
void native_take_change(struct session *session, const struct frame *frame)
{
    struct message_change message;
    char text[NATIVE_TEXT_BYTES];
    int code = message_change_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        native_refuse_fields(session, frame, code);
        return;
    }
    code = native_check_change(&message, text);
    if (code != 0) {
        session_refuse(session, frame->id, code, text);
        return;
    }
    struct message_change *change = mem_alloc(sizeof(*change));
    if (change == NULL) {
        session_refuse(session, frame->id, SHOAL_ENOMEM, "out of memory");
        return;
    }
    struct native_request *request = native_begin(session, frame, NATIVE_OP_CHANGE);
    if (request == NULL) {
        mem_free(change);
        return;
    }
    *change = message;
    request->kept = change;
    request->block = connection_hold(session->connection);
    request->request.op = REQUEST_CHANGE;
    request->request.change = change;
    request->request.options.timeout_us = change->timeout_us;
    native_submit(request);
}
