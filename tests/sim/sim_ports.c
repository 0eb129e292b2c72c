/* Nothing here calls back into the core: sending, keeping and posting only plan events. */
#include "sim_ports.h"

#include "base/assert.h"
#include "base/memory.h"
#include "sim_world.h"

#include <math.h>

#define LETTER_US_MAX 60u

static struct sim_worker *worker_of(void *self)
{
    return self;
}

static uint64_t exponential_us(struct random *random, uint64_t mean_us)
{
    return (uint64_t)(-log(1.0 - random_unit(random)) * (double)mean_us);
}

/* ---- network ---- */

static int port_send(void *self, uint64_t node, struct bytes frame)
{
    struct sim_worker *worker = worker_of(self);
    return sim_network_send(&worker->node->world->network, worker->node->index, worker->index, node,
                            frame);
}

static void port_reply(void *self, struct source source, struct bytes frame)
{
    struct sim_worker *worker = worker_of(self);
    ASSERT(source.worker == worker->index);
    sim_network_reply(&worker->node->world->network, worker->node->index, source, frame);
}

static void port_link(void *self, uint64_t node, const char *host, uint16_t port)
{
    struct sim_worker *worker = worker_of(self);
    sim_network_link(&worker->node->world->network, worker->node->index, worker->index, node, host,
                     port);
}

static void port_unlink(void *self, uint64_t node)
{
    struct sim_worker *worker = worker_of(self);
    sim_network_unlink(&worker->node->world->network, worker->node->index, worker->index, node);
}

static void port_contact(void *self, const char *host, uint16_t port, struct bytes frame,
                         uint64_t ticket, uint64_t timeout_us)
{
    struct sim_worker *worker = worker_of(self);
    ASSERT(worker->index == 0);
    sim_network_contact(&worker->node->world->network, worker->node->index, host, port, frame,
                        ticket, timeout_us);
}

/* ---- letters ---- */

static void port_post(void *self, uint32_t to, struct letter *letter)
{
    struct sim_worker *from = worker_of(self);
    struct sim_world *world = from->node->world;
    ASSERT(to < from->node->worker_count);
    uint64_t *last_us = &from->node->workers[to].letter_due_us[from->index];
    uint64_t due_us = world->now_us + random_below(&world->random, LETTER_US_MAX);
    if (due_us < *last_us) {
        due_us = *last_us;
    }
    *last_us = due_us;
    struct sim_item *item = sim_item_new(from->node, to, SIM_ITEM_LETTER, (struct bytes){0});
    item->letter = letter;
    item->number = letter->kind;
    sim_item_at(item, due_us);
}

/* ---- the node's record ---- */

struct keep {
    struct queue link;
    struct timer timer;
    struct sim_node *node;
    uint64_t sequence;
    size_t len;
    uint8_t bytes[];
};

/* Makes it the record on disk and frees it. */
static void keep_durably(struct keep *keep)
{
    struct sim_node *node = keep->node;
    timers_stop(&node->world->timers, &keep->timer);
    queue_remove(&keep->link);
    buffer_clear(&node->kept);
    ASSERT(buffer_append(&node->kept, keep->bytes, keep->len) == 0);
    mem_free(keep);
}

static void keep_fires(struct timer *timer, uint64_t now_us)
{
    struct keep *keep = QUEUE_ITEM(timer, struct keep, timer);
    struct sim_node *node = keep->node;
    struct sim_item *item = sim_item_new(node, 0, SIM_ITEM_KEPT, (struct bytes){0});
    item->number = keep->sequence;
    keep_durably(keep);
    sim_item_at(item, now_us);
}

static void port_keep(void *self, struct bytes record, uint64_t sequence)
{
    struct sim_worker *worker = worker_of(self);
    struct sim_node *node = worker->node;
    struct sim_world *world = node->world;
    ASSERT(worker->index == 0);
    struct keep *keep = mem_alloc(sizeof(*keep) + record.len);
    ASSERT(keep != NULL);
    *keep = (struct keep){
        .node = node, .timer = {.fire = keep_fires}, .sequence = sequence, .len = record.len};
    memcpy(keep->bytes, record.data, record.len);
    queue_push(&node->keeping, &keep->link);
    uint64_t due_us = world->now_us + exponential_us(&world->random, world->options.keep_us_mean);
    if (due_us < node->keep_due_us) {
        due_us = node->keep_due_us;
    }
    node->keep_due_us = due_us;
    timers_start(&world->timers, &keep->timer, due_us);
}

void sim_ports_crash_keeping(struct sim_node *node, struct random *random)
{
    bool reached = true;
    while (!queue_empty(&node->keeping)) {
        struct keep *keep = QUEUE_ITEM(node->keeping.next, struct keep, link);
        reached = reached && (random == NULL || random_chance(random, 0.5));
        if (reached) {
            keep_durably(keep);
            continue;
        }
        timers_stop(&node->world->timers, &keep->timer);
        queue_remove(&keep->link);
        mem_free(keep);
    }
}

/* ---- what the core shows ---- */

static void on_issued(void *self, uint64_t node, struct bytes key, struct dot dot,
                      struct version_vector seen)
{
    struct sim_worker *worker = worker_of(self);
    (void)node;
    sim_world_issued(worker->node->world, worker->node->index, key, dot, seen);
}

static void on_expired(void *self, uint64_t node, struct bytes key, struct dot dot,
                       struct dot replaced)
{
    struct sim_worker *worker = worker_of(self);
    (void)node;
    sim_world_expired(worker->node->world, worker->node->index, key, dot, replaced);
}

static void on_dropped(void *self, uint64_t node, struct bytes key, struct dot dot)
{
    struct sim_worker *worker = worker_of(self);
    (void)node;
    sim_world_dropped(worker->node->world, worker->node->index, key, dot);
}

static void on_holding(void *self, uint64_t id, uint32_t partition, uint64_t actor, bool refilling)
{
    struct sim_node *node = worker_of(self)->node;
    struct sim_world *world = node->world;
    (void)id;
    bool anew = node->actors[partition] != 0 && node->actors[partition] != actor;
    node->actors[partition] = actor;
    node->holdings_begun += anew;
    node->holdings_refilling += anew && refilling;
    if (refilling) {
        sim_world_refilling(world, node->index, partition);
    }
    sim_trace_say(&world->trace, world->now_us, "node%u holds partition %u as %llx%s%s",
                  node->index, partition, (unsigned long long)actor, anew ? ", anew" : "",
                  refilling ? ", refilling" : "");
}

void sim_ports_observe(struct sim_worker *worker)
{
    worker->observer = (struct worker_observer){.self = worker,
                                                .issued = on_issued,
                                                .expired = on_expired,
                                                .dropped = on_dropped,
                                                .holding = on_holding};
    worker_observe(worker->core, &worker->observer);
}

struct ports sim_ports_make(struct sim_worker *worker)
{
    return (struct ports){.self = worker,
                          .send = port_send,
                          .reply = port_reply,
                          .link = port_link,
                          .unlink = port_unlink,
                          .contact = port_contact,
                          .post = port_post,
                          .keep = port_keep};
}
