/* What a client asks next, and what it takes along from the answer. */
#include "sim_clients.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "sim_counters.h"
#include "sim_listing.h"

#include <math.h>
#include <stdio.h>

#define DOTS_A_KEY 500u
#define RETRY_US UINT64_C(50000)
#define DISTANT_MS (UINT64_C(1) << 45) /* after all that runs see */
#define VALUE_BYTES_MAX 200u
#define LARGE_VALUE_BYTES 40000u

/* ---- tokens ---- */

static void token_set(struct sim_token *token, struct bytes bytes)
{
    mem_free(token->bytes);
    token->bytes = mem_alloc(bytes.len);
    ASSERT(token->bytes != NULL);
    memcpy(token->bytes, bytes.data, bytes.len);
    token->len = bytes.len;
}

static struct bytes token_bytes(const struct sim_token *token)
{
    return bytes_make(token->bytes, token->len);
}

static void slot_learn(struct sim_slot *slot, struct bytes token)
{
    token_set(&slot->tokens[slot->token_next], token);
    slot->token_next = (slot->token_next + 1) % SIM_TOKENS;
    if (slot->token_count < SIM_TOKENS) {
        slot->token_count++;
    }
}

static const struct sim_token *slot_token(struct sim_clients *clients, const struct sim_slot *slot)
{
    uint64_t back = 1;
    if (random_chance(&clients->random, clients->world->options.client.stale_rate)) {
        back += random_below(&clients->random, slot->token_count);
    }
    return &slot->tokens[(slot->token_next + SIM_TOKENS - back) % SIM_TOKENS];
}

/* ---- keys ---- */

static void slot_renew(struct sim_clients *clients, uint32_t index)
{
    struct sim_slot *slot = &clients->slots[index];
    if (slot->token_count > 0) {
        token_set(&slot->foreign, token_bytes(slot_token(clients, slot)));
    }
    slot->generation++;
    slot->token_count = 0;
    slot->token_next = 0;
    snprintf(slot->name, sizeof(slot->name), "key%u.%u", index, slot->generation);
    slot->key = sim_history_key(&clients->world->oracle.history, bytes_from_string(slot->name));
}

static struct sim_slot *choose_slot(struct sim_clients *clients, uint32_t *index)
{
    *index = (uint32_t)random_below(&clients->random, clients->slot_count);
    struct sim_slot *slot = &clients->slots[*index];
    const struct sim_history *history = &clients->world->oracle.history;
    if (history->keys[slot->key].dot_count > DOTS_A_KEY && history->key_count < SIM_KEYS_MAX) {
        slot_renew(clients, *index);
    }
    return slot;
}

static struct bytes count_name(struct sim_clients *clients, struct sim_slot *slot, const char *name,
                               uint32_t index)
{
    const struct sim_history *history = &clients->world->oracle.history;
    bool full = slot->generation > 0 && history->keys[slot->key].dot_count > DOTS_A_KEY;
    if (slot->generation == 0 || (full && history->key_count < SIM_KEYS_MAX)) {
        slot->generation++;
        snprintf(slot->name, sizeof(slot->name), "%s%u.%u", name, index, slot->generation);
        slot->key = sim_history_key(&clients->world->oracle.history, bytes_from_string(slot->name));
    }
    return bytes_from_string(slot->name);
}

/* ---- what to ask ---- */

static struct bytes make_value(struct sim_clients *clients)
{
    struct buffer *scratch = &clients->world->scratch;
    const struct sim_client_options *options = &clients->world->options.client;
    char head[32];
    int len = snprintf(head, sizeof(head), "v%llu.", (unsigned long long)++clients->next_value);
    size_t filler = random_below(&clients->random, VALUE_BYTES_MAX);
    if (random_chance(&clients->random, options->large_rate)) {
        filler = random_below(&clients->random, LARGE_VALUE_BYTES);
    }
    buffer_clear(scratch);
    ASSERT(buffer_append(scratch, head, (size_t)len) == 0);
    for (size_t i = 0; i < filler; i++) {
        ASSERT(buffer_append_u8(scratch, (uint8_t)(clients->next_value + i)) == 0);
    }
    return buffer_bytes(scratch);
}

static int32_t make_number(struct sim_clients *clients)
{
    uint32_t n = clients->world->options.n;
    switch (random_below(&clients->random, 5)) {
    case 0:
        return QUORUM_MAJORITY;
    case 1:
        return QUORUM_ALL;
    case 2:
        return QUORUM_DEFAULT;
    default:
        return (int32_t)(1 + random_below(&clients->random, n));
    }
}

static void override(struct sim_clients *clients, struct request_options *options)
{
    uint64_t what = random_below(&clients->random, 8);
    if (what < 3) {
        options->r = make_number(clients);
        options->w = make_number(clients);
    } else if (what == 3) {
        options->pr = make_number(clients);
    } else if (what == 4) {
        options->pw = make_number(clients);
    } else if (what == 5) {
        options->dw = make_number(clients);
    } else if (what == 6) {
        options->n = make_number(clients);
    } else {
        options->r = (int32_t)clients->world->options.n + 1; /* is refused */
    }
}

/* A token that must be refused: of another key, damaged, or made up. In the world's scratch arena.
 */
static struct bytes forge(struct sim_clients *clients, const struct sim_slot *slot)
{
    struct arena *arena = &clients->world->arena;
    uint64_t how = random_below(&clients->random, 3);
    arena_reset(arena);
    if (how == 0 && slot->foreign.len > 0) {
        return token_bytes(&slot->foreign);
    }
    if (how == 1 && slot->token_count > 0) {
        struct bytes whole = arena_copy(arena, token_bytes(slot_token(clients, slot)));
        uint8_t *byte =
            (uint8_t *)(uintptr_t)whole.data + random_below(&clients->random, whole.len);
        *byte ^= (uint8_t)(1u << random_below(&clients->random, 8));
        return whole;
    }
    size_t len = 1 + random_below(&clients->random, 60);
    uint8_t *bytes = arena_alloc(arena, len);
    ASSERT(bytes != NULL);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)random_u64(&clients->random);
    }
    return bytes_make(bytes, len);
}

static uint32_t choose_op(struct sim_clients *clients)
{
    const struct sim_client_options *options = &clients->world->options.client;
    uint64_t pick = random_below(
        &clients->random, options->put_weight + options->get_weight + options->delete_weight +
                              options->list_weight + options->count_weight);
    if (pick < options->put_weight) {
        return REQUEST_PUT;
    }
    pick -= options->put_weight;
    if (pick < options->get_weight) {
        return REQUEST_GET;
    }
    pick -= options->get_weight;
    if (pick < options->delete_weight) {
        return REQUEST_DELETE;
    }
    pick -= options->delete_weight;
    return pick < options->list_weight ? (uint32_t)REQUEST_LIST : (uint32_t)REQUEST_ADD;
}

static int64_t make_delta(struct sim_clients *clients)
{
    int64_t delta = 1 + (int64_t)random_below(&clients->random, 1000);
    bool below = !clients->world->oracle.doubled && random_chance(&clients->random, 0.4);
    return below ? -delta : delta;
}

/* Whatever may happen to a counter. */
static void dress_wild(struct sim_clients *clients, struct sim_ask *ask)
{
    struct sim_world *world = clients->world;
    static const char *const values[] = {"5", "-7", "text"};
    uint64_t what = random_below(&clients->random, 10);
    ask->key = count_name(clients, &clients->wild, SIM_WILD_NAME, 0);
    if (what < 5) {
        ask->delta = make_delta(clients);
    } else if (what < 8) {
        ask->op = REQUEST_EXPIRE;
        ask->expiry_ms = sim_clock_moment(&world->nodes[ask->node].clock, world->now_us).wall_ms +
                         random_below(&clients->random, 3000);
    } else if (what < 9) {
        ask->op = REQUEST_DELETE;
    } else {
        ask->op = REQUEST_PUT;
        ask->value = bytes_from_string(values[random_below(&clients->random, 3)]);
    }
}

/* Of a counter: mostly an addition. */
static void dress_count(struct sim_clients *clients, struct sim_ask *ask)
{
    uint64_t what = random_below(&clients->random, 10);
    if (clients->world->options.client.ttl_rate > 0 && random_chance(&clients->random, 0.3)) {
        dress_wild(clients, ask);
        return;
    }
    uint32_t index = (uint32_t)random_below(&clients->random, SIM_COUNTS);
    ask->key = count_name(clients, &clients->counts[index], SIM_COUNTER_NAME, index);
    if (what < 6) {
        ask->delta = make_delta(clients);
    } else {
        ask->op = what < 9 ? REQUEST_GET : (uint32_t)REQUEST_EXPIRE;
        ask->expiry_ms = what < 9 ? 0 : DISTANT_MS + random_below(&clients->random, 1000);
    }
}

/* ---- asking ---- */

static void think(struct sim_client *client, uint64_t mean_us)
{
    struct sim_clients *clients = client->clients;
    double exponential = -log(1.0 - random_unit(&clients->random));
    timers_start(&clients->world->timers, &client->timer,
                 clients->world->now_us + 1 + (uint64_t)(exponential * (double)mean_us));
}

/* Often the node it likes, now and then another; -1 when none is there. */
static int choose_node(struct sim_client *client)
{
    struct sim_clients *clients = client->clients;
    struct sim_world *world = clients->world;
    if (random_chance(&clients->random, 0.3)) {
        client->node = (uint32_t)random_below(&clients->random, world->node_count);
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        uint32_t at = (client->node + i) % world->node_count;
        if (world->nodes[at].state == SIM_UP && sim_world_is_member(world, &world->nodes[at])) {
            return (int)at;
        }
    }
    return -1;
}

static void answered(struct sim_request *request)
{
    struct sim_client *client = request->user;
    struct sim_clients *clients = client->clients;
    struct sim_slot *slot = &clients->slots[client->slot];
    client->busy = false;
    if (request->done && request->outcome.context.data != NULL &&
        bytes_equal(request->request.key, bytes_from_string(slot->name))) {
        slot_learn(slot, request->outcome.context);
    }
    bool failed = !request->done || (request->code != 0 && request->code != SHOAL_ENOTFOUND);
    bool at_once = failed && random_chance(&clients->random, 0.3);
    think(client, at_once ? 1 : clients->world->options.client.think_us_mean);
}

static void dress_write(struct sim_client *client, struct sim_slot *slot, struct sim_ask *ask)
{
    struct sim_clients *clients = client->clients;
    const struct sim_client_options *options = &clients->world->options.client;
    if (random_chance(&clients->random, options->forged_rate)) {
        ask->forged = true;
        ask->context = forge(clients, slot);
    } else if (slot->token_count > 0 && random_chance(&clients->random, options->context_rate)) {
        ask->context = token_bytes(slot_token(clients, slot));
    }
    if (ask->op == REQUEST_PUT) {
        ask->value = make_value(clients);
        if (random_chance(&clients->random, options->ttl_rate)) {
            ask->ttl_ms = 1 + random_below(&clients->random, options->ttl_ms_max);
        }
    }
}

static void ask_next(struct sim_client *client, uint32_t node)
{
    struct sim_clients *clients = client->clients;
    struct sim_world *world = clients->world;
    struct sim_slot *slot = choose_slot(clients, &client->slot);
    struct sim_ask ask = {.node = node,
                          .op = choose_op(clients),
                          .key = bytes_from_string(slot->name),
                          .completed = answered,
                          .user = client};
    ask.worker = (uint32_t)random_below(&clients->random, world->nodes[node].worker_count);
    ask.options.timeout_us = world->options.client.timeout_us;
    if (random_chance(&clients->random, world->options.client.override_rate)) {
        override(clients, &ask.options);
    }
    clients->asked++;
    client->busy = true;
    if (ask.op == REQUEST_LIST) {
        sim_listing_begin(client, &ask);
        return;
    }
    if (ask.op == REQUEST_ADD) {
        ask.options = (struct request_options){.timeout_us = ask.options.timeout_us};
        dress_count(clients, &ask);
    } else if (ask.op != REQUEST_GET) {
        dress_write(client, slot, &ask);
    }
    sim_request_submit(world, &ask);
}

static void client_fires(struct timer *timer, uint64_t now_us)
{
    struct sim_client *client = QUEUE_ITEM(timer, struct sim_client, timer);
    struct sim_clients *clients = client->clients;
    (void)now_us;
    if (!clients->running || clients->asked >= clients->asked_max) {
        return;
    }
    int node = choose_node(client);
    if (node < 0) {
        think(client, RETRY_US);
        return;
    }
    ask_next(client, (uint32_t)node);
}

void sim_client_listed(struct sim_client *client)
{
    client->busy = false;
    think(client, client->clients->world->options.client.think_us_mean);
}

/* ---- life ---- */

void sim_clients_init(struct sim_clients *clients, struct sim_world *world, uint64_t asked_max)
{
    memset(clients, 0, sizeof(*clients));
    clients->world = world;
    clients->asked_max = asked_max;
    random_init(&clients->random, world->options.seed ^ UINT64_C(0x636c69656e7473));
    clients->count = world->options.client.clients;
    clients->slot_count = world->options.client.keys;
    ASSERT(clients->count <= SIM_CLIENTS_MAX);
    ASSERT(clients->slot_count <= SIM_SLOTS_MAX);
    for (uint32_t i = 0; i < clients->slot_count; i++) {
        slot_renew(clients, i);
    }
    for (uint32_t i = 0; i < clients->count; i++) {
        struct sim_client *client = &clients->items[i];
        client->clients = clients;
        client->timer.fire = client_fires;
        client->node = (uint32_t)random_below(&clients->random, world->node_count);
    }
}

void sim_clients_deinit(struct sim_clients *clients)
{
    for (uint32_t i = 0; i < clients->slot_count; i++) {
        struct sim_slot *slot = &clients->slots[i];
        mem_free(slot->foreign.bytes);
        for (uint32_t t = 0; t < SIM_TOKENS; t++) {
            mem_free(slot->tokens[t].bytes);
        }
    }
    for (uint32_t i = 0; i < clients->count; i++) {
        timers_stop(&clients->world->timers, &clients->items[i].timer);
        mem_free(clients->items[i].listing.cursor.bytes);
    }
}

void sim_clients_begin(struct sim_clients *clients)
{
    clients->running = true;
    for (uint32_t i = 0; i < clients->count; i++) {
        think(&clients->items[i], clients->world->options.client.think_us_mean);
    }
}

void sim_clients_end(struct sim_clients *clients)
{
    clients->running = false;
}

bool sim_clients_idle(const struct sim_clients *clients)
{
    for (uint32_t i = 0; i < clients->count; i++) {
        if (clients->items[i].busy) {
            return false;
        }
    }
    return true;
}
