#include "support/fake_world.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/timers.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>

#define LATENCY_US UINT64_C(300)
#define KEEP_US UINT64_C(1000)
#define LINK_US UINT64_C(2000)
#define CONTACT_SLOT 100u /* slots from here on are contacts' */
#define TEST_SLOT 99u     /* a test's own frames */

enum event_kind {
    EVENT_FRAME,
    EVENT_ANSWER,
    EVENT_CONTACTED,
    EVENT_LETTER,
    EVENT_KEPT,
    EVENT_LINK,
};

struct world_event {
    struct world_event *next;
    uint64_t at_us;
    enum event_kind kind;
    uint32_t node;
    uint32_t worker;
    uint32_t life;
    struct source source;
    uint64_t number;
    int code;
    struct letter *letter;
    size_t len;
    uint8_t bytes[];
};

/* ---- events ---- */

static struct world_event *world_event(struct fake_world *world, enum event_kind kind,
                                       uint32_t node, uint32_t worker, uint64_t delay_us,
                                       struct bytes bytes)
{
    struct world_event *event = calloc(1, sizeof(*event) + bytes.len);
    ASSERT(event != NULL);
    event->at_us = world->now.mono_us + delay_us;
    event->kind = kind;
    event->node = node;
    event->worker = worker;
    event->life = world->nodes[node].life;
    event->len = bytes.len;
    if (bytes.len > 0) {
        memcpy(event->bytes, bytes.data, bytes.len);
    }
    struct world_event **link = &world->events;
    while (*link != NULL && (*link)->at_us <= event->at_us) {
        link = &(*link)->next;
    }
    event->next = *link;
    *link = event;
    return event;
}

static void world_event_free(struct world_event *event)
{
    if (event->letter != NULL) {
        letter_free(event->letter);
    }
    free(event);
}

static struct bytes payload_of(struct bytes frame)
{
    return bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
}

static uint32_t node_by_port(uint16_t port)
{
    return port >= world_port(0) && port < world_port(WORLD_NODES) ? (uint32_t)port - world_port(0)
                                                                   : WORLD_NODES;
}

static uint32_t node_by_id(const struct fake_world *world, uint64_t id)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        if (world->nodes[i].up && worker_node_id(world->nodes[i].workers[0]) == id) {
            return i;
        }
    }
    return WORLD_NODES;
}

static bool reachable(const struct fake_world *world, uint32_t from, uint32_t to)
{
    return to < WORLD_NODES && world->nodes[to].up && !world->nodes[to].cut &&
           world->nodes[from].up && !world->nodes[from].cut;
}

/* ---- ports ---- */

static int port_send(void *self, uint64_t id, struct bytes frame)
{
    struct world_place *place = self;
    struct fake_world *world = place->world;
    uint32_t to = node_by_id(world, id);
    if (to == WORLD_NODES || !world->nodes[place->node].links[place->worker][to]) {
        return SHOAL_ECONNECT;
    }
    if (reachable(world, place->node, to)) {
        uint32_t worker = place->worker % world->nodes[to].worker_count;
        struct world_event *event =
            world_event(world, EVENT_FRAME, to, worker, LATENCY_US, payload_of(frame));
        event->source =
            (struct source){.worker = worker,
                            .slot = place->node * WORLD_WORKERS + place->worker,
                            .serial = world->nodes[place->node].life,
                            .node = worker_node_id(world->nodes[place->node].workers[0])};
    }
    return 0;
}

static void port_reply(void *self, struct source source, struct bytes frame)
{
    struct world_place *place = self;
    struct fake_world *world = place->world;
    ASSERT(source.worker == place->worker);
    if (source.slot == TEST_SLOT) {
        buffer_clear(&world->reply);
        ASSERT(buffer_append_bytes(&world->reply, payload_of(frame)) == 0);
        world->replies++;
        return;
    }
    if (source.slot >= CONTACT_SLOT) {
        uint32_t to = source.slot - CONTACT_SLOT;
        struct world_event *event =
            world_event(world, EVENT_CONTACTED, to, 0, LATENCY_US, payload_of(frame));
        event->number = source.serial;
        return;
    }
    uint32_t to = source.slot / WORLD_WORKERS;
    if (reachable(world, place->node, to)) {
        struct world_event *event = world_event(
            world, EVENT_ANSWER, to, source.slot % WORLD_WORKERS, LATENCY_US, payload_of(frame));
        event->number = worker_node_id(world->nodes[place->node].workers[0]);
        event->life = (uint32_t)source.serial;
    }
}

static void world_connect(struct fake_world *world, uint32_t node, uint32_t worker, uint32_t to)
{
    if (reachable(world, node, to) && world->nodes[node].wanted[worker][to] &&
        !world->nodes[node].links[worker][to] && worker_node_id(world->nodes[to].workers[0]) != 0) {
        world->nodes[node].links[worker][to] = true;
        struct world_event *event =
            world_event(world, EVENT_LINK, node, worker, LINK_US, bytes_make(NULL, 0));
        event->number = worker_node_id(world->nodes[to].workers[0]);
        event->code = 1;
    }
}

static void port_link(void *self, uint64_t id, const char *host, uint16_t port)
{
    struct world_place *place = self;
    uint32_t to = node_by_port(port);
    (void)host;
    (void)id;
    if (to < WORLD_NODES) {
        place->world->nodes[place->node].wanted[place->worker][to] = true;
        world_connect(place->world, place->node, place->worker, to);
    }
}

static void port_unlink(void *self, uint64_t id)
{
    struct world_place *place = self;
    uint32_t to = node_by_id(place->world, id);
    if (to < WORLD_NODES) {
        place->world->nodes[place->node].wanted[place->worker][to] = false;
        place->world->nodes[place->node].links[place->worker][to] = false;
    }
}

static void port_contact(void *self, const char *host, uint16_t port, struct bytes frame,
                         uint64_t ticket, uint64_t timeout_us)
{
    struct world_place *place = self;
    struct fake_world *world = place->world;
    uint32_t to = node_by_port(port);
    (void)host;
    ASSERT(place->worker == 0);
    world->contacts++;
    if (reachable(world, place->node, to)) {
        struct world_event *event =
            world_event(world, EVENT_FRAME, to, 0, LATENCY_US, payload_of(frame));
        event->source =
            (struct source){.worker = 0, .slot = CONTACT_SLOT + place->node, .serial = ticket};
    }
    bool refused = to == WORLD_NODES;
    struct world_event *event = world_event(world, EVENT_CONTACTED, place->node, 0,
                                            refused ? LATENCY_US : timeout_us, bytes_make(NULL, 0));
    event->number = ticket;
    event->code = refused ? SHOAL_ECONNECT : SHOAL_ETIMEOUT;
}

static void port_post(void *self, uint32_t worker, struct letter *letter)
{
    struct world_place *place = self;
    struct world_event *event =
        world_event(place->world, EVENT_LETTER, place->node, worker, 0, bytes_make(NULL, 0));
    event->letter = letter;
}

static void port_keep(void *self, struct bytes record, uint64_t sequence)
{
    struct world_place *place = self;
    struct world_event *event =
        world_event(place->world, EVENT_KEPT, place->node, 0, KEEP_US, record);
    event->number = sequence;
}

/* ---- life ---- */

uint16_t world_port(uint32_t node)
{
    return (uint16_t)(4000 + node);
}

void world_seeds(struct fake_world *world, uint32_t node, const uint32_t *seeds, uint32_t count)
{
    struct node_config *config = &world->nodes[node].config;
    free(config->seeds);
    config->seeds = calloc(count, sizeof(*config->seeds));
    ASSERT(config->seeds != NULL);
    config->seed_count = count;
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(config->seeds[i].host, sizeof(config->seeds[i].host), "10.0.0.1");
        config->seeds[i].port = world_port(seeds[i]);
    }
}

void fake_world_init(struct fake_world *world, uint32_t n, uint32_t r, uint32_t w)
{
    *world = (struct fake_world){.now = {.mono_us = 1000 * MS, .wall_ms = 1700000000000}};
    ASSERT(crypto_init() == 0);
    buffer_init(&world->reply, 0);
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        struct world_node *node = &world->nodes[i];
        struct node_config *config = &node->config;
        *config = (struct node_config){
            .weight = 1,
            .partitions = WORLD_PARTITIONS,
            .n = n,
            .r = r,
            .w = w,
            .client_port = (uint16_t)(3000 + i),
            .peer_port = world_port(i),
            .heartbeat_interval_us = 100 * MS,
            .heartbeat_fanout = 2,
            .phi_threshold = 8.0,
            .request_timeout_us = 2000 * MS,
            .clock_ahead_ms_max = 1000,
            .key_bytes_max = 65536,
            .value_bytes_max = 1048576,
            .hints_bytes_max = 1048576,
            .transfers = 8,
        };
        (void)snprintf(config->name, sizeof(config->name), "node%u", (unsigned)i);
        (void)snprintf(config->zone, sizeof(config->zone), "a");
        (void)snprintf(config->cluster_name, sizeof(config->cluster_name), "test");
        (void)snprintf(config->advertise_host, sizeof(config->advertise_host), "10.0.0.1");
        buffer_init(&node->kept, 0);
        node->worker_count = 1;
    }
}

static void world_links_down(struct fake_world *world, uint32_t node)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        for (uint32_t w = 0; w < WORLD_WORKERS; w++) {
            if (i != node && world->nodes[i].up && world->nodes[i].links[w][node]) {
                world->nodes[i].links[w][node] = false;
                struct world_event *event =
                    world_event(world, EVENT_LINK, i, w, LATENCY_US, bytes_make(NULL, 0));
                event->number = worker_node_id(world->nodes[node].workers[0]);
            }
        }
    }
}

void fake_world_cut(struct fake_world *world, uint32_t node, bool cut)
{
    struct world_node *it = &world->nodes[node];
    it->cut = cut;
    if (!cut || !it->up) {
        return;
    }
    world_links_down(world, node);
    for (uint32_t w = 0; w < it->worker_count; w++) {
        for (uint32_t to = 0; to < WORLD_NODES; to++) {
            if (it->links[w][to]) {
                it->links[w][to] = false;
                struct world_event *event =
                    world_event(world, EVENT_LINK, node, w, LATENCY_US, bytes_make(NULL, 0));
                event->number = worker_node_id(world->nodes[to].workers[0]);
            }
        }
    }
}

static struct fickle_engine *world_engine(struct world_node *node, uint32_t worker)
{
    struct engine_options options = {.partitions = node->config.partitions};
    if (!node->durable) {
        return fickle_engine_new(node->config.partitions);
    }
    if (node->stores[worker] == NULL) {
        ASSERT(memory_engine_new(&options, &node->stores[worker]) == 0);
    }
    struct fickle_engine *engine = fickle_engine_over(node->stores[worker]);
    engine->slow = true;
    engine->settles = true;
    engine->engine.keeps_data = true;
    engine->engine.resumed = node->clean;
    engine->engine.behind = node->behind;
    return engine;
}

static uint64_t world_draw(void *self)
{
    struct world_node *node = self;
    return hash_mix((uintptr_t)node->config.peer_port + 65536u * ++node->draws);
}

static struct tail **world_tail(struct world_node *node, uint32_t worker)
{
    struct tail_options options = {.lane = worker,
                                   .bytes_max = node->feed_bytes,
                                   .random = world_draw,
                                   .random_self = node,
                                   .anew = node->kept.len > 0};
    if (node->tails[worker] == NULL) {
        ASSERT(tail_open(&options, &node->tails[worker]) == 0);
    }
    return &node->tails[worker];
}

void fake_world_lose_tails(struct fake_world *world, uint32_t index)
{
    for (uint32_t w = 0; w < WORLD_WORKERS; w++) {
        tail_close(world->nodes[index].tails[w], false);
        world->nodes[index].tails[w] = NULL;
    }
}

int fake_world_start(struct fake_world *world, uint32_t index)
{
    struct world_node *node = &world->nodes[index];
    ASSERT(!node->up);
    node->life++;
    memset(node->contacted, 0, sizeof(node->contacted));
    memset(node->links, 0, sizeof(node->links));
    memset(node->wanted, 0, sizeof(node->wanted));
    for (uint32_t w = 0; w < node->worker_count; w++) {
        node->places[w] = (struct world_place){.world = world, .node = index, .worker = w};
        node->engines[w] = world_engine(node, w);
        struct worker_options options = {
            .index = w,
            .count = node->worker_count,
            .config = &node->config,
            .ports = {.self = &node->places[w],
                      .send = port_send,
                      .reply = port_reply,
                      .link = port_link,
                      .unlink = port_unlink,
                      .contact = port_contact,
                      .post = port_post,
                      .keep = port_keep},
            .engine = &node->engines[w]->engine,
            .tails = node->feed_bytes > 0 ? world_tail(node, w) : NULL,
            .tail_count = node->feed_bytes > 0 ? 1 : 0,
            .lanes = node->worker_count,
            .random_seed = 1000 * (index + 1) + 10 * node->life + w,
            .kept = buffer_bytes(&node->kept),
            .now = world->now,
        };
        int result = worker_new(&options, &node->workers[w]);
        if (result < 0) {
            node->engines[w]->engine.ops->free(&node->engines[w]->engine);
            while (w-- > 0) {
                worker_free(node->workers[w]);
            }
            return result;
        }
    }
    node->up = true;
    node->clean = false;
    node->behind = false;
    for (uint32_t w = 0; w < node->worker_count; w++) {
        worker_start(node->workers[w], world->now);
        worker_flush(node->workers[w], world->now);
    }
    return 0;
}

void fake_world_kill(struct fake_world *world, uint32_t index)
{
    struct world_node *node = &world->nodes[index];
    world_links_down(world, index);
    node->up = false;
    struct world_event **link = &world->events;
    while (*link != NULL) {
        struct world_event *event = *link;
        if (event->node == index) {
            *link = event->next;
            world_event_free(event);
        } else {
            link = &event->next;
        }
    }
    for (uint32_t w = 0; w < node->worker_count; w++) {
        worker_free(node->workers[w]);
    }
}

void fake_world_stop(struct fake_world *world, uint32_t index)
{
    struct world_node *node = &world->nodes[index];
    bool idle = false;
    for (uint32_t w = 0; w < node->worker_count; w++) {
        worker_stop(node->workers[w], world->now);
        worker_flush(node->workers[w], world->now);
    }
    for (uint32_t i = 0; i < 100 && !idle; i++) {
        fake_world_run(world, 50 * MS);
        idle = true;
        for (uint32_t w = 0; w < node->worker_count; w++) {
            idle = idle && worker_idle(node->workers[w]);
        }
    }
    bool clean = true;
    for (uint32_t w = 0; w < node->worker_count; w++) {
        clean = clean && worker_clean(node->workers[w]);
    }
    fake_world_kill(world, index);
    node->clean = clean;
}

void fake_world_deinit(struct fake_world *world)
{
    mem_fail_never();
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        if (world->nodes[i].up) {
            fake_world_kill(world, i);
        }
        for (uint32_t w = 0; w < WORLD_WORKERS; w++) {
            if (world->nodes[i].stores[w] != NULL) {
                world->nodes[i].stores[w]->ops->free(world->nodes[i].stores[w]);
            }
        }
        fake_world_lose_tails(world, i);
        buffer_deinit(&world->nodes[i].kept);
        free(world->nodes[i].config.seeds);
    }
    while (world->events != NULL) {
        struct world_event *event = world->events;
        world->events = event->next;
        world_event_free(event);
    }
    buffer_deinit(&world->reply);
}

/* ---- requests ---- */

static void copy_text(char *to, size_t size, struct bytes from)
{
    size_t len = from.len < size - 1 ? from.len : size - 1;
    if (len > 0) {
        memcpy(to, from.data, len);
    }
    to[len] = '\0';
}

static struct bytes copy_bytes(void *to, size_t size, struct bytes from)
{
    ASSERT(from.len <= size);
    if (from.data == NULL) {
        return from;
    }
    memcpy(to, from.data, from.len);
    return bytes_make(to, from.len);
}

static uint64_t partition_bits(const uint32_t *partitions, uint32_t count)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits |= UINT64_C(1) << partitions[i] % 64;
    }
    return bits;
}

static void note_verification(struct world_answer *answer, const struct message_verify_reply *found)
{
    answer->verification = *found;
    answer->differing = partition_bits(found->differing, found->differing_count);
    answer->unverified = partition_bits(found->unverified, found->unverified_count);
    copy_text(answer->text, sizeof(answer->text), found->text);
}

static void note_plan(struct world_answer *answer, const struct message_change_reply *plan)
{
    ASSERT(plan->count <= sizeof(answer->rows) / sizeof(answer->rows[0]));
    answer->changed = true;
    answer->plan = *plan;
    answer->plan.rows = answer->rows;
    copy_text(answer->text, sizeof(answer->text), plan->text);
    for (uint32_t i = 0; i < plan->count; i++) {
        answer->rows[i] = plan->rows[i];
        copy_text(answer->names[i], sizeof(answer->names[i]), plan->rows[i].name);
    }
}

static void on_done(struct request *request, const struct outcome *outcome)
{
    struct world_answer *answer = request->user;
    ASSERT(!answer->done);
    answer->done = true;
    answer->code = outcome->code;
    answer->value_count = outcome->value_count;
    answer->owners = outcome->owners;
    answer->needed = outcome->needed;
    copy_text(answer->text, sizeof(answer->text), outcome->text);
    if (outcome->verification != NULL) {
        note_verification(answer, outcome->verification);
    }
    if (outcome->changed != NULL) {
        note_plan(answer, outcome->changed);
    }
    if (outcome->value_count > 0) {
        copy_text(answer->value, sizeof(answer->value), outcome->values[0].value);
    }
    for (uint32_t i = 0; i < outcome->entry_count && i < 64; i++) {
        copy_text(answer->keys[i], sizeof(answer->keys[i]), outcome->entries[i].key);
    }
    answer->key_count = outcome->entry_count;
    answer->context =
        copy_bytes(answer->context_bytes, sizeof(answer->context_bytes), outcome->context);
    memset(answer->key, 'x', sizeof(answer->key)); /* no longer lent */
    memset(answer->put, 'x', sizeof(answer->put));
    memset(answer->change_node, 'x', sizeof(answer->change_node));
    memset(answer->change_zone, 'x', sizeof(answer->change_zone));
}

struct world_answer *fake_world_begin(struct fake_world *world, uint32_t node, uint32_t worker,
                                      const struct request *request)
{
    ASSERT(world->answer_count < WORLD_ANSWERS && world->nodes[node].up);
    struct world_answer *answer = &world->answers[world->answer_count++];
    *answer = (struct world_answer){.request = *request, .code = WORLD_PENDING};
    answer->request.user = answer;
    answer->request.done = on_done;
    answer->request.key = copy_bytes(answer->key, sizeof(answer->key), request->key);
    answer->request.value = copy_bytes(answer->put, sizeof(answer->put), request->value);
    answer->request.context = copy_bytes(answer->token, sizeof(answer->token), request->context);
    if (request->change != NULL) {
        answer->change = *request->change;
        answer->change.node =
            copy_bytes(answer->change_node, sizeof(answer->change_node), request->change->node);
        answer->change.zone =
            copy_bytes(answer->change_zone, sizeof(answer->change_zone), request->change->zone);
        answer->request.change = &answer->change;
    }
    worker_submit(world->nodes[node].workers[worker], world->now, &answer->request);
    worker_flush(world->nodes[node].workers[worker], world->now);
    return answer;
}

struct world_answer *fake_world_put(struct fake_world *world, uint32_t node, uint32_t worker,
                                    const char *key, const char *value)
{
    struct request request = {
        .op = REQUEST_PUT, .key = bytes_from_string(key), .value = bytes_from_string(value)};
    return fake_world_begin(world, node, worker, &request);
}

struct world_answer *fake_world_get(struct fake_world *world, uint32_t node, uint32_t worker,
                                    const char *key)
{
    struct request request = {.op = REQUEST_GET, .key = bytes_from_string(key)};
    return fake_world_begin(world, node, worker, &request);
}

struct world_answer *fake_world_list(struct fake_world *world, uint32_t node, uint32_t worker)
{
    struct request request = {.op = REQUEST_LIST, .key = bytes_from_string("")};
    return fake_world_begin(world, node, worker, &request);
}

struct world_answer *fake_world_join(struct fake_world *world, uint32_t node, uint16_t port)
{
    struct request request = {.op = REQUEST_JOIN,
                              .key = bytes_from_string("10.0.0.1"),
                              .limit = port,
                              .options = {.timeout_us = 5000 * MS}};
    return fake_world_begin(world, node, 0, &request);
}

struct world_answer *fake_world_join_staged(struct fake_world *world, uint32_t node, uint16_t port)
{
    struct request request = {.op = REQUEST_JOIN,
                              .key = bytes_from_string("10.0.0.1"),
                              .limit = port,
                              .stage = true,
                              .options = {.timeout_us = 5000 * MS}};
    return fake_world_begin(world, node, 0, &request);
}

struct world_answer *fake_world_change(struct fake_world *world, uint32_t node, uint32_t worker,
                                       const struct message_change *change)
{
    uint64_t timeout_us = change->timeout_us != 0 ? change->timeout_us : 5000 * MS;
    struct request request = {
        .op = REQUEST_CHANGE, .change = change, .options = {.timeout_us = timeout_us}};
    return fake_world_begin(world, node, worker, &request);
}

void fake_world_ask(struct fake_world *world, uint32_t node, struct bytes frame)
{
    fake_world_ask_as(world, node, 0, frame);
}

void fake_world_ask_as(struct fake_world *world, uint32_t node, uint64_t peer, struct bytes frame)
{
    struct source source = {.worker = 0, .slot = TEST_SLOT, .node = peer};
    struct bytes payload = payload_of(frame);
    ASSERT(frame_validate(payload) == 0);
    worker_frame(world->nodes[node].workers[0], world->now, source, payload);
    worker_flush(world->nodes[node].workers[0], world->now);
}

/* ---- time ---- */

static void world_kept(struct fake_world *world, struct world_event *event)
{
    struct world_node *node = &world->nodes[event->node];
    int code = 0;
    if (node->keeps_failing > 0) {
        node->keeps_failing--;
        code = SHOAL_ENOSPC;
    } else if (buffer_reserve(&node->kept, event->len) < 0) {
        code = SHOAL_EIO;
    } else {
        buffer_clear(&node->kept);
        node->keeps++;
        ASSERT(buffer_append(&node->kept, event->bytes, event->len) == 0);
    }
    worker_kept(node->workers[0], world->now, event->number, code);
}

static void world_handle(struct fake_world *world, struct world_event *event)
{
    struct world_node *node = &world->nodes[event->node];
    if (!node->up || event->life != node->life) {
        return;
    }
    struct worker *worker = node->workers[event->worker];
    struct bytes bytes = bytes_make(event->bytes, event->len);
    uint32_t kind;
    uint64_t id;
    switch (event->kind) {
    case EVENT_FRAME:
        ASSERT(frame_validate(bytes) == 0);
        if (frame_peek(bytes, &kind, &id) == 0 && kind == MESSAGE_GOODBYE) {
            node->goodbyes++;
        }
        worker_frame(worker, world->now, event->source, bytes);
        break;
    case EVENT_ANSWER:
        if (world->garble != NULL) {
            world->garble(event->bytes, event->len);
        }
        ASSERT(frame_validate(bytes) == 0);
        worker_answer(worker, world->now, event->number, bytes);
        break;
    case EVENT_CONTACTED:
        if (event->number > node->contacted[event->number >> 61]) { /* once: the answer, or none */
            node->contacted[event->number >> 61] = event->number;
            worker_contacted(worker, world->now, event->number, event->code, bytes);
        }
        break;
    case EVENT_LETTER: {
        struct letter *letter = event->letter;
        event->letter = NULL;
        worker_letter(worker, world->now, letter);
        break;
    }
    case EVENT_KEPT:
        world_kept(world, event);
        break;
    case EVENT_LINK:
        worker_link(worker, world->now, event->number, event->code == 1);
        break;
    }
    worker_flush(worker, world->now);
    worker_check(worker);
}

static void world_connect_all(struct fake_world *world)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        for (uint32_t w = 0; world->nodes[i].up && w < world->nodes[i].worker_count; w++) {
            for (uint32_t to = 0; to < WORLD_NODES; to++) {
                world_connect(world, i, w, to);
            }
        }
    }
}

static uint64_t world_next_us(const struct fake_world *world)
{
    uint64_t next_us = world->events == NULL ? TIMERS_NEVER : world->events->at_us;
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        for (uint32_t w = 0; world->nodes[i].up && w < world->nodes[i].worker_count; w++) {
            uint64_t timer_us = worker_next_us(world->nodes[i].workers[w]);
            next_us = timer_us < next_us ? timer_us : next_us;
        }
    }
    return next_us;
}

static void world_tick(struct fake_world *world)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        for (uint32_t w = 0; world->nodes[i].up && w < world->nodes[i].worker_count; w++) {
            if (worker_next_us(world->nodes[i].workers[w]) <= world->now.mono_us) {
                worker_tick(world->nodes[i].workers[w], world->now);
                worker_flush(world->nodes[i].workers[w], world->now);
                worker_check(world->nodes[i].workers[w]);
            }
        }
    }
}

static bool world_held(const struct fake_world *world, const struct world_event *event)
{
    return event->kind == EVENT_KEPT && world->nodes[event->node].keeps_held;
}

void fake_world_run(struct fake_world *world, uint64_t us)
{
    uint64_t end_us = world->now.mono_us + us;
    uint64_t next_us;
    while ((next_us = world_next_us(world)) <= end_us) {
        if (next_us > world->now.mono_us) {
            world->now.wall_ms += next_us / MS - world->now.mono_us / MS;
            world->now.mono_us = next_us;
        }
        struct world_event *event = world->events;
        if (event != NULL && event->at_us <= world->now.mono_us) {
            world->events = event->next;
            if (world_held(world, event)) {
                struct world_event *later =
                    world_event(world, EVENT_KEPT, event->node, event->worker, KEEP_US,
                                bytes_make(event->bytes, event->len));
                later->number = event->number;
            } else {
                world_handle(world, event);
            }
            world_event_free(event);
        }
        world_tick(world);
        world_connect_all(world);
    }
    world->now.wall_ms += end_us / MS - world->now.mono_us / MS;
    world->now.mono_us = end_us;
}

void fake_world_keep(struct fake_world *world, uint32_t node)
{
    world->nodes[node].keeps_held = false;
}

/* ---- looking in ---- */

const struct snapshot *world_snapshot(struct fake_world *world, uint32_t node)
{
    return worker_snapshot(world->nodes[node].workers[0]);
}

uint32_t world_members(struct fake_world *world, uint32_t node)
{
    const struct snapshot *snapshot = world_snapshot(world, node);
    return snapshot == NULL ? 0 : view_newest(snapshot->view)->member_count;
}
