/* Items on their way to a worker, and what handing one over means. */
#include "base/assert.h"
#include "base/memory.h"
#include "sim_world.h"
#include "wire/frame.h"

static void item_fires(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    sim_item_now(QUEUE_ITEM(timer, struct sim_item, timer));
}

struct sim_item *sim_item_new(struct sim_node *node, uint32_t worker, enum sim_item_kind kind,
                              struct bytes payload)
{
    struct sim_item *item = mem_alloc(sizeof(*item) + payload.len);
    ASSERT(item != NULL);
    ASSERT(worker < node->worker_count);
    *item = (struct sim_item){.timer = {.fire = item_fires},
                              .world = node->world,
                              .node = node->index,
                              .worker = worker,
                              .life = node->life,
                              .kind = kind,
                              .len = payload.len};
    if (payload.len > 0) {
        memcpy(item->bytes, payload.data, payload.len);
    }
    queue_push(&node->world->items, &item->link);
    return item;
}

void sim_item_free(struct sim_item *item)
{
    timers_stop(&item->world->timers, &item->timer);
    queue_remove(&item->link);
    if (item->letter != NULL) {
        letter_free(item->letter);
    }
    mem_free(item);
}

void sim_item_at(struct sim_item *item, uint64_t at_us)
{
    ASSERT(timers_start(&item->world->timers, &item->timer, at_us) == 0);
}

static void say(struct sim_item *item, struct bytes payload)
{
    static const char *const names[] = {
        [SIM_ITEM_FRAME] = "gets",      [SIM_ITEM_ANSWER] = "is answered",
        [SIM_ITEM_LINK] = "link",       [SIM_ITEM_CONTACTED] = "contacted",
        [SIM_ITEM_LETTER] = "letter",   [SIM_ITEM_KEPT] = "kept",
        [SIM_ITEM_SUBMIT] = "is asked",
    };
    struct sim_world *world = item->world;
    uint32_t kind = 0;
    uint64_t id = 0;
    sim_trace_event(&world->trace, world->now_us, (uint32_t)item->kind, item->node, item->worker,
                    payload);
    if (!sim_trace_wanted(&world->trace)) {
        return;
    }
    const char *frame = "";
    if (payload.len > 0 && item->kind != SIM_ITEM_SUBMIT && frame_peek(payload, &kind, &id) == 0) {
        frame = sim_trace_frame(kind);
    }
    sim_trace_say(&world->trace, world->now_us, "node%u.%u %s %s id=%llx number=%llx code=%d",
                  item->node, item->worker, names[item->kind], frame, (unsigned long long)id,
                  (unsigned long long)item->number, item->code);
}

static void hand_link(struct sim_item *item, struct sim_worker *worker, struct moment now)
{
    if (sim_network_wanted(&item->world->network, item->node, item->worker, item->number)) {
        worker_link(worker->core, now, item->number, item->code != 0);
    }
}

static void hand(struct sim_item *item, struct sim_worker *worker, struct moment now)
{
    struct bytes payload = bytes_make(item->bytes, item->len);
    struct letter *letter = item->letter;
    say(item, payload);
    switch (item->kind) {
    case SIM_ITEM_FRAME:
        worker_frame(worker->core, now, item->source, payload);
        break;
    case SIM_ITEM_ANSWER:
        worker_answer(worker->core, now, item->number, payload);
        break;
    case SIM_ITEM_LINK:
        hand_link(item, worker, now);
        break;
    case SIM_ITEM_CONTACTED:
        worker_contacted(worker->core, now, item->number, item->code, payload);
        break;
    case SIM_ITEM_LETTER:
        item->letter = NULL;
        worker_letter(worker->core, now, letter);
        break;
    case SIM_ITEM_KEPT:
        worker_kept(worker->core, now, item->number, item->code);
        break;
    case SIM_ITEM_SUBMIT:
        worker_submit(worker->core, now, &item->request->request);
        break;
    }
}

void sim_item_now(struct sim_item *item)
{
    struct sim_world *world = item->world;
    struct sim_node *node = &world->nodes[item->node];
    if (node->state == SIM_DOWN || node->life != item->life) {
        sim_item_free(item);
        return;
    }
    if (node->paused) {
        queue_remove(&item->link);
        queue_push(&node->held, &item->link);
        return;
    }
    struct sim_worker *worker = &node->workers[item->worker];
    hand(item, worker, sim_clock_moment(&node->clock, world->now_us));
    sim_item_free(item);
    sim_node_after_event(worker);
}
