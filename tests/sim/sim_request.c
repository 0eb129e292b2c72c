/* From submission to judgement. Completed requests are kept for a while as corpses so that a second
 * completion is noticed (under a sanitizer they are freed at once and it notices). */
#include "sim_request.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "sim_counters.h"
#include "sim_world.h"

#include <stdlib.h>

/* How long after its deadline a request may complete: the timer's own lateness, letters between
 * workers, and the way back of a forwarded answer. */
#define SLACK_US UINT64_C(1500000)

static struct sim_request *request_at(struct queue *link)
{
    return QUEUE_ITEM(link, struct sim_request, link);
}

static struct bytes copy_in(uint8_t **at, struct bytes from)
{
    if (from.data == NULL) {
        return from;
    }
    struct bytes copy = bytes_make(*at, from.len);
    if (from.len > 0) {
        memcpy(*at, from.data, from.len);
    }
    *at += from.len;
    return copy;
}

/* ---- completion ---- */

static struct bytes copy_out(struct buffer *buffer, struct bytes from)
{
    if (from.data == NULL) {
        return from;
    }
    size_t at = buffer->len;
    ASSERT(buffer_append_bytes(buffer, from) == 0);
    return bytes_make(buffer->data + at, from.len);
}

static size_t outcome_size(const struct outcome *outcome)
{
    size_t size = outcome->text.len + outcome->context.len + outcome->after.len;
    if (outcome->changed != NULL) {
        size += outcome->changed->reason.len + outcome->changed->text.len;
    }
    for (uint32_t i = 0; i < outcome->value_count; i++) {
        size += outcome->values[i].value.len;
    }
    for (uint32_t i = 0; i < outcome->entry_count; i++) {
        size += outcome->entries[i].key.len + outcome->entries[i].value.len;
    }
    return size;
}

/* The buffer is reserved whole, so that what points into it stays. */
static void copy_outcome(struct sim_request *to, const struct outcome *outcome)
{
    buffer_init(&to->answer, 0);
    ASSERT(buffer_reserve(&to->answer, outcome_size(outcome) + 1) == 0);
    to->values = mem_alloc_zeroed(outcome->value_count + 1u, sizeof(*to->values));
    to->entries = mem_alloc_zeroed(outcome->entry_count + 1u, sizeof(*to->entries));
    ASSERT(to->values != NULL);
    ASSERT(to->entries != NULL);
    to->outcome = *outcome;
    if (outcome->changed != NULL) {
        to->changed = *outcome->changed;
        to->changed.rows = NULL;
        to->changed.count = 0;
        to->changed.reason = copy_out(&to->answer, outcome->changed->reason);
        to->changed.text = copy_out(&to->answer, outcome->changed->text);
        to->outcome.changed = &to->changed;
    }
    to->outcome.text = copy_out(&to->answer, outcome->text);
    to->outcome.context = copy_out(&to->answer, outcome->context);
    to->outcome.after = copy_out(&to->answer, outcome->after);
    for (uint32_t i = 0; i < outcome->value_count; i++) {
        to->values[i] = outcome->values[i];
        to->values[i].value = copy_out(&to->answer, outcome->values[i].value);
    }
    for (uint32_t i = 0; i < outcome->entry_count; i++) {
        to->entries[i].key = copy_out(&to->answer, outcome->entries[i].key);
        to->entries[i].value = copy_out(&to->answer, outcome->entries[i].value);
    }
    to->outcome.values = to->values;
    to->outcome.entries = to->entries;
}

static void on_done(struct request *core, const struct outcome *outcome)
{
    struct sim_request *request = core->user;
    struct sim_world *world = request->world;
    if (request->orphaned) {
        return; /* its process is just being ended */
    }
    if (request->done) {
        sim_world_fail(world, SIM_LIVENESS, "a request on key %.*s was completed twice",
                       (int)core->key.len, (const char *)core->key.data);
        return;
    }
    request->done = true;
    request->code = outcome->code;
    copy_outcome(request, outcome);
    queue_remove(&request->link);
    queue_push(&world->completed, &request->link);
}

/* ---- submission ---- */

static size_t change_size(const struct message_change *change)
{
    return change == NULL ? 0 : change->node.len + change->zone.len;
}

static void copy_change(struct sim_request *to, const struct message_change *change, uint8_t **at)
{
    to->change = *change;
    to->change.node = copy_in(at, change->node);
    to->change.zone = copy_in(at, change->zone);
    to->request.change = &to->change;
}

static void tell_oracle(struct sim_request *request, const struct sim_ask *ask)
{
    struct sim_oracle *oracle = &request->world->oracle;
    bool put = ask->op == REQUEST_PUT;
    if (sim_counters_wild(ask->key)) {
        return;
    }
    if (put || ask->op == REQUEST_DELETE) {
        const struct request_options *options = &ask->options;
        request->write = sim_oracle_write_begin(
            oracle, ask->key, put ? ask->value : (struct bytes){0}, ask->context.data != NULL,
            options->r != 0 || options->n != 0, ask->forged);
        if (ask->ttl_ms != 0) {
            /* Where clocks are further apart than nodes are told, it may be hidden at any time. */
            bool kept = sim_clocks_agree(&request->world->options.clock);
            sim_history_get(&oracle->history, request->write)->expires_us =
                kept ? request->world->now_us + ask->ttl_ms * 1000 : 1;
        }
    } else if (request_amends(ask->op)) {
        request->add = sim_counters_add_begin(oracle, ask->key, ask->delta);
    } else if (ask->op == REQUEST_GET && sim_counters_named(ask->key)) {
        request->is_count = true;
        request->began = sim_counters_now(oracle);
    } else if (ask->op == REQUEST_GET) {
        request->is_read = true;
        sim_oracle_read_begin(oracle, ask->key, &request->read);
    }
}

struct sim_request *sim_request_submit(struct sim_world *world, const struct sim_ask *ask)
{
    struct sim_node *node = &world->nodes[ask->node];
    struct sim_request *request = mem_alloc_zeroed(1, sizeof(*request));
    ASSERT(request != NULL);
    ASSERT(node->state != SIM_DOWN);
    request->memory =
        mem_alloc(ask->key.len + ask->value.len + ask->context.len + change_size(ask->change) + 1);
    ASSERT(request->memory != NULL);
    uint8_t *at = request->memory;
    request->request = (struct request){
        .op = ask->op,
        .key = copy_in(&at, ask->key),
        .value = copy_in(&at, ask->value),
        .context = copy_in(&at, ask->context),
        .limit = ask->limit,
        .ttl_ms = ask->ttl_ms,
        .expiry_ms = ask->expiry_ms,
        .delta = ask->delta,
        .with_values = ask->with_values,
        .stage = ask->stage,
        .options = ask->options,
        .done = on_done,
        .user = request,
    };
    if (ask->change != NULL) {
        copy_change(request, ask->change, &at);
    }
    request->world = world;
    request->node = ask->node;
    request->life = node->life;
    request->submitted_us = world->now_us;
    uint64_t timeout_us =
        ask->options.timeout_us != 0 ? ask->options.timeout_us : world->options.request_timeout_us;
    request->due_us =
        world->now_us + timeout_us + SLACK_US + 20 * world->options.network.delay_us_mean;
    request->completed = ask->completed;
    request->user = ask->user;
    tell_oracle(request, ask);
    queue_push(&world->requests, &request->link);
    world->counts.requests++;
    struct sim_item *item = sim_item_new(node, ask->worker, SIM_ITEM_SUBMIT, request->request.key);
    item->request = request;
    sim_item_at(item, world->now_us);
    return request;
}

/* ---- judgement ---- */

/* Of the cluster that the node is in. */
static const struct token_keys *keys_of(const struct sim_request *request)
{
    struct sim_world *world = request->world;
    const struct snapshot *snapshot = sim_node_snapshot(&world->nodes[request->node]);
    ASSERT(snapshot != NULL || world->has_token_keys);
    return snapshot != NULL ? &snapshot->token_keys : &world->token_keys;
}

static void fill_reply(struct sim_request *request, struct sim_reply *reply)
{
    struct sim_world *world = request->world;
    const struct outcome *outcome = &request->outcome;
    *reply = (struct sim_reply){.code = outcome->code,
                                .owners = outcome->owners,
                                .fallbacks = outcome->fallbacks,
                                .needed = outcome->needed};
    if (outcome->context.data != NULL) {
        const struct token_keys *keys = keys_of(request);
        int code = token_decode(&world->arena, keys, request->request.key, outcome->context,
                                &reply->context);
        if (code != 0) {
            sim_world_fail(world, SIM_CONTEXTS, "an answer's token does not check");
            return;
        }
        reply->has_context = true;
    }
    struct bytes *values =
        arena_alloc_array(&world->arena, outcome->value_count + 1u, sizeof(*values));
    ASSERT(values != NULL);
    for (uint32_t i = 0; i < outcome->value_count; i++) {
        values[i] = outcome->values[i].value;
    }
    reply->values = values;
    reply->value_count = outcome->value_count;
}

static void judge(struct sim_request *request)
{
    struct sim_world *world = request->world;
    struct sim_reply reply;
    sim_members_look(world);
    world->oracle.ghosts = sim_members_ghosts(world);
    arena_reset(&world->arena);
    fill_reply(request, &reply);
    if (request->write != 0) {
        sim_oracle_write_end(&world->oracle, request->write, &reply);
    } else if (request->add != 0) {
        sim_counters_add_end(&world->oracle, request->add, &reply, request->outcome.number);
    } else if (request->is_count) {
        struct bytes shown = reply.value_count == 0 ? (struct bytes){0} : reply.values[0];
        sim_counters_read_end(&world->oracle, request->request.key, request->began, &reply, shown);
    } else if (request->is_read) {
        sim_oracle_read_end(&world->oracle, &request->read, &reply);
    }
    if (world->now_us > request->due_us && world->nodes[request->node].life == request->life &&
        world->nodes[request->node].resumed_us <= request->submitted_us) {
        sim_world_fail(world, SIM_LIVENESS, "a request was completed %llu us after its deadline",
                       (unsigned long long)(world->now_us - request->due_us));
    }
}

static void bury(struct sim_request *request)
{
    struct sim_world *world = request->world;
    queue_remove(&request->link);
    buffer_deinit(&request->answer);
    mem_free(request->values);
    mem_free(request->entries);
    mem_free(request->memory);
    request->values = NULL;
    request->entries = NULL;
    request->memory = NULL;
#if defined(__SANITIZE_ADDRESS__)
    (void)world;
    mem_free(request);
#else
    queue_push(&world->buried, &request->link);
#endif
}

void sim_request_release(struct sim_request *request)
{
    bury(request);
}

static const char *op_text(uint32_t op)
{
    switch (op) {
    case REQUEST_PUT:
        return "put";
    case REQUEST_GET:
        return "get";
    case REQUEST_DELETE:
        return "delete";
    case REQUEST_ADD:
        return "add";
    case REQUEST_EXPIRE:
        return "expire";
    case REQUEST_LIST:
        return "list";
    case REQUEST_CHANGE:
        return "change";
    default:
        return "join";
    }
}

static void trace_answer(struct sim_request *request)
{
    struct sim_world *world = request->world;
    const struct outcome *outcome = &request->outcome;
    sim_trace_event(&world->trace, world->now_us, 64, request->node, (uint32_t)(-request->code),
                    buffer_bytes(&request->answer));
    if (sim_trace_wanted(&world->trace)) {
        sim_trace_say(&world->trace, world->now_us,
                      "node%u answers %s #%u of %.*s: %s (%u+%u of %u, %u values) %.*s",
                      request->node, op_text(request->request.op), request->write,
                      (int)request->request.key.len, (const char *)request->request.key.data,
                      shoal_error_text(request->code), outcome->owners, outcome->fallbacks,
                      outcome->needed, outcome->value_count, (int)outcome->text.len,
                      (const char *)outcome->text.data);
    }
}

/* To whoever asked; without a callback it waits among the buried for its release. */
static void hand_back(struct sim_request *request)
{
    if (request->completed == NULL) {
        queue_push(&request->world->buried, &request->link);
        return;
    }
    request->completed(request);
    bury(request);
}

void sim_request_settle(struct sim_world *world)
{
    struct queue *link;
    while ((link = queue_pop(&world->completed)) != NULL) {
        struct sim_request *request = request_at(link);
        world->counts.completed++;
        trace_answer(request);
        judge(request);
        hand_back(request);
    }
}

void sim_request_orphan(struct sim_world *world, const struct sim_node *node)
{
    for (struct queue *at = world->requests.next; at != &world->requests; at = at->next) {
        struct sim_request *request = request_at(at);
        if (request->node == node->index && request->life == node->life) {
            request->orphaned = true;
        }
    }
}

void sim_request_abandon(struct sim_world *world)
{
    for (struct queue *at = world->requests.next; at != &world->requests;) {
        struct sim_request *request = request_at(at);
        at = at->next;
        if (request->orphaned) {
            world->counts.orphaned++;
            queue_remove(&request->link);
            hand_back(request);
        }
    }
}

void sim_request_check(struct sim_world *world)
{
    for (struct queue *at = world->requests.next; at != &world->requests;) {
        struct sim_request *request = request_at(at);
        at = at->next;
        const struct sim_node *node = &world->nodes[request->node];
        if (!node->paused && node->resumed_us <= request->submitted_us &&
            world->now_us > request->due_us) {
            sim_world_fail(world, SIM_LIVENESS,
                           "a %s of %.*s at node%u, submitted at %.6f s, has "
                           "no answer",
                           op_text(request->request.op), (int)request->request.key.len,
                           (const char *)request->request.key.data, request->node,
                           (double)request->submitted_us / 1e6);
            return;
        }
    }
}

static void free_queue(struct queue *queue)
{
    struct queue *link;
    while ((link = queue_pop(queue)) != NULL) {
        struct sim_request *request = request_at(link);
        buffer_deinit(&request->answer);
        mem_free(request->values);
        mem_free(request->entries);
        mem_free(request->memory);
        mem_free(request);
    }
}

void sim_request_free_all(struct sim_world *world)
{
    free_queue(&world->requests);
    free_queue(&world->completed);
    free_queue(&world->buried);
}
