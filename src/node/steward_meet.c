/* An operator's join-cluster at a node that is a member already: it is brought together with a node
 * of its own cluster that it has lost sight of. Who is a member goes round with views, and where it
 * is with gossip; so two nodes may know each other for members and have no address of each other,
 * if all who knew both are gone, or neither may know of the other at all. No gossip heals that, and
 * where there are no seeds only an operator still knows the address.
 *
 * As in steward_seek.c, the question is ordinary gossip that is sent to an address instead of a
 * node: each tells the other all it knows, the removed included, and what it makes of that goes on
 * from there. Nobody becomes a member that was none, so it may be asked at any time. */
#include "base/text.h"
#include "node/steward_inside.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdio.h>

#define MEET_TEXT_BYTES 640u

static void meet_finish(struct steward *steward, int code, const char *text)
{
    struct request *request = steward->meet.request;
    struct outcome outcome = {.code = code};
    steward->meet.request = NULL;
    if (code != 0) {
        outcome.text = bytes_from_string(text);
    }
    worker_complete(steward->worker, request, &outcome);
}

void meet_begin(struct steward *steward, struct request *request)
{
    struct worker *worker = steward->worker;
    struct meet *meet = &steward->meet;
    struct message_gossip told;
    uint64_t now_us = worker->now.mono_us;
    uint64_t left_us = request->deadline_us > now_us ? request->deadline_us - now_us : 1;
    meet->request = request;
    memcpy(meet->host, request->key.data, request->key.len);
    meet->host[request->key.len] = '\0';
    meet->port = (uint16_t)request->limit;
    buffer_clear(&worker->frame);
    int result = steward_tell(steward, 0, &told);
    if (result == 0) {
        told.id = steward->next_id++;
        result = message_gossip_encode(&told, &worker->frame);
    }
    if (result < 0) {
        meet_finish(steward, result, "what this node knows can't be told; nothing was changed");
        return;
    }
    meet->ticket++;
    worker->ports.contact(worker->ports.self, meet->host, meet->port, buffer_bytes(&worker->frame),
                          STEWARD_MEET_TICKETS + meet->ticket,
                          left_us < STEWARD_CONTACT_US ? left_us : STEWARD_CONTACT_US);
}

/* Of another cluster: who is alone may yet join it, and all others are told why not. */
static void meet_stranger(struct steward *steward)
{
    struct request *request = steward->meet.request;
    steward->meet.request = NULL;
    join_begin(steward, request);
}

/* They have met, but who asked for a member may not have got one. */
static void meet_known(struct steward *steward, const struct message_gossip *told)
{
    char text[MEET_TEXT_BYTES];
    char where[TEXT_ADDRESS_BYTES];
    steward_hear(steward, told);
    steward_push(steward);
    if (view_removed(steward->wanted, steward->id)) {
        meet_finish(steward, SHOAL_EPERM, WORKER_REMOVED_TEXT);
        return;
    }
    const char *yet = join_yet_to_come(steward);
    if (yet == NULL) {
        meet_finish(steward, 0, "");
        return;
    }
    text_address(steward->meet.host, steward->meet.port, where);
    (void)snprintf(text, sizeof(text), "%s and this node know of each other; but %s", where, yet);
    meet_finish(steward, SHOAL_ECONFLICT, text);
}

void meet_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload)
{
    struct meet *meet = &steward->meet;
    struct message_gossip_reply reply = {0};
    char where[TEXT_ADDRESS_BYTES];
    char text[MEET_TEXT_BYTES];
    if (meet->request == NULL || ticket != STEWARD_MEET_TICKETS + meet->ticket) {
        return;
    }
    text_address(meet->host, meet->port, where);
    bool told = code < 0 && payload.len > 0;
    int len = payload.len < 255 ? (int)payload.len : 255;
    if (code == 0) {
        code = frame_validate(payload);
    }
    if (code == 0) {
        code = message_gossip_reply_decode(payload, &steward->worker->arena, &reply);
    }
    if (code == CONTACT_SELF || (code == 0 && reply.gossip.from == steward->id)) {
        (void)snprintf(text, sizeof(text), "%s: it is the address of this node itself", where);
        meet_finish(steward, SHOAL_EINVAL, text);
    } else if (code < 0) {
        (void)snprintf(text, sizeof(text),
                       "%s does not answer as a Shoal node's peer port (%.*s): check the address; "
                       "nothing was changed",
                       where, told ? len : (int)strlen(shoal_error_text(code)),
                       told ? (const char *)payload.data : shoal_error_text(code));
        meet_finish(steward, code, text);
    } else if (reply.code != 0 || reply.gossip.cluster != view_facts(steward->view)->id) {
        meet_stranger(steward);
    } else {
        meet_known(steward, &reply.gossip);
    }
}

void meet_close(struct steward *steward)
{
    if (steward->meet.request != NULL) {
        meet_finish(steward, SHOAL_ESHUTDOWN, "this node is stopping");
    }
}
