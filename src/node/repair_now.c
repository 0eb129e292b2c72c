/* `shoal repair`: anti-entropy begins now, here and at every other member, instead of at its next
 * turn. All on worker 0, whose anti-entropy is the whole node's. The answer says who begins; how it
 * goes is told by metrics, and by a verification. */
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

#include <stdio.h>

#define ANSWER_US UINT64_C(3000000)
#define TEXT_BYTES 256u
#define CALLS_MAX 16u /* at a time */

struct repair_call {
    struct queue link; /* in the worker's */
    struct worker *worker;
    struct request *request;
    uint64_t question; /* the first: one a member, in their order */
    uint32_t count;
    uint32_t left; /* that have not answered */
    struct timer timer;
    struct {
        uint64_t node;
        bool told;
    } members[];
};

static void repair_call_free(struct repair_call *call)
{
    timers_stop(&call->worker->timers, &call->timer);
    queue_remove(&call->link);
    mem_free(call);
}

static void repair_call_complete(struct repair_call *call)
{
    char text[TEXT_BYTES];
    struct outcome outcome = {.needed = call->count};
    for (uint32_t i = 0; i < call->count; i++) {
        outcome.owners += call->members[i].told;
        if (!call->members[i].told && outcome.text.data == NULL) {
            (void)snprintf(text, sizeof(text),
                           "node '%.80s' was not reached; it repairs by itself once it is back",
                           worker_node_name(call->worker, call->members[i].node));
            outcome.text = bytes_from_string(text);
        }
    }
    struct worker *worker = call->worker;
    struct request *request = call->request;
    repair_call_free(call);
    worker_complete(worker, request, &outcome);
}

static void repair_call_on_late(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    repair_call_complete(QUEUE_ITEM(timer, struct repair_call, timer));
}

/* True when an answer is to come. */
static bool repair_call_tell(struct repair_call *call, uint32_t member)
{
    struct worker *worker = call->worker;
    const struct message_repair repair = {.id = call->question + member};
    if (call->members[member].node == worker->snapshot->self) {
        anti_entropy_now(&worker->anti_entropy);
        call->members[member].told = true;
        return false;
    }
    buffer_clear(&worker->frame);
    return message_repair_encode(&repair, &worker->frame) == 0 &&
           worker_send(worker, call->members[member].node, buffer_bytes(&worker->frame)) == 0;
}

static bool repair_calls_many(const struct worker *worker)
{
    uint32_t count = 0;
    for (const struct queue *at = worker->repairs.next; at != &worker->repairs; at = at->next) {
        count++;
    }
    return count >= CALLS_MAX;
}

static void repair_refuse(struct worker *worker, struct request *request, int code,
                          const char *text)
{
    struct outcome outcome = {.code = code, .text = bytes_from_string(text)};
    worker_complete(worker, request, &outcome);
}

void repair_now(struct worker *worker, struct request *request)
{
    if (repair_calls_many(worker)) {
        repair_refuse(worker, request, SHOAL_EOVERLOAD,
                      "this node tells others to repair already: try again later");
        return;
    }
    const struct layout *layout = view_newest(worker->snapshot->view);
    uint32_t count = layout->member_count;
    struct repair_call *call =
        mem_alloc_zeroed(1, sizeof(*call) + count * sizeof(call->members[0]));
    if (call == NULL) {
        repair_refuse(worker, request, SHOAL_ENOMEM, "out of memory");
        return;
    }
    call->worker = worker;
    call->request = request;
    call->count = count;
    call->question = worker->verify_next_id;
    worker->verify_next_id += count;
    queue_push(&worker->repairs, &call->link);
    for (uint32_t i = 0; i < count; i++) {
        call->members[i].node = layout->members[i].node;
        call->left += repair_call_tell(call, i) ? 1 : 0;
    }
    call->timer.fire = repair_call_on_late;
    if (call->left == 0 ||
        timers_start(&worker->timers, &call->timer, worker->now.mono_us + ANSWER_US) != 0) {
        repair_call_complete(call);
    }
}

void repair_now_take_answer(struct worker *worker, uint64_t node, struct bytes payload)
{
    struct message_repair_reply reply;
    if (message_repair_reply_decode(payload, &worker->arena, &reply) != 0) {
        return;
    }
    for (struct queue *at = worker->repairs.next; at != &worker->repairs; at = at->next) {
        struct repair_call *call = QUEUE_ITEM(at, struct repair_call, link);
        uint64_t member = reply.id - call->question;
        if (reply.id >= call->question && member < call->count &&
            call->members[member].node == node && !call->members[member].told) {
            call->members[member].told = true;
            call->left--;
            if (call->left == 0) {
                repair_call_complete(call);
            }
            return;
        }
    }
}

/* Another member's node was asked. */
void serve_repair(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_repair repair;
    if (worker->index != 0) {
        (void)worker_post_frame(worker, 0, LETTER_FRAME, source, payload);
        return;
    }
    if (message_repair_decode(payload, &worker->arena, &repair) != 0) {
        return;
    }
    anti_entropy_now(&worker->anti_entropy);
    const struct message_repair_reply reply = {.id = repair.id, .told = 1, .nodes = 1};
    buffer_clear(&worker->reply);
    if (message_repair_reply_encode(&reply, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

/* Nobody waits for more answers: the node stops. */
void repair_now_stop(struct worker *worker)
{
    while (!queue_empty(&worker->repairs)) {
        repair_call_complete(QUEUE_ITEM(worker->repairs.next, struct repair_call, link));
    }
}

/* The worker ends: requests stay their surface's. */
void repair_now_close(struct worker *worker)
{
    while (!queue_empty(&worker->repairs)) {
        repair_call_free(QUEUE_ITEM(worker->repairs.next, struct repair_call, link));
    }
}
