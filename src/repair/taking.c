/* From the question over the sync to what is settled. See taking.h. */
#include "repair/taking.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

struct taking_one {
    struct queue link;
    struct taking *taking;
    uint32_t partition;
    uint64_t node;
    uint64_t asked_actor; /* of the holding over there that the question is about */
    uint64_t own_actor;   /* of the one here when the sync began */
    struct taking_asker asker;
    struct sync *sync; /* NULL: over, and waiting until all is settled */
    struct durable_waiter settling;
};

static void taking_on_sync(void *self, const struct sync_outcome *outcome);
static void taking_on_settled(struct durable_waiter *waiter, int code);

void taking_init(struct taking *taking)
{
    *taking = (struct taking){0};
    queue_init(&taking->all);
}

static void taking_free(struct taking_one *one)
{
    struct taking *taking = one->taking;
    if (one->sync != NULL) {
        sync_cancel(one->sync);
        taking->transfers->used--;
    } else {
        durability_cancel(&one->settling);
    }
    queue_remove(&one->link);
    taking->count--;
    mem_free(one);
}

void taking_deinit(struct taking *taking, void (*forget)(void *asker))
{
    while (!queue_empty(&taking->all)) {
        struct taking_one *one = QUEUE_ITEM(taking->all.next, struct taking_one, link);
        forget(one->asker.self);
        taking_free(one);
    }
}

/* Tells the asker, and that was all. */
static void taking_end(struct taking_one *one, int code)
{
    struct taking *taking = one->taking;
    const struct holding *holding = replica_holding(taking->syncs->replica, one->partition);
    struct taking_asker asker = one->asker;
    uint64_t actor = one->own_actor;
    if (code == 0 && !view_owns(taking->syncs->view, taking->syncs->self, one->partition)) {
        code = SHOAL_ENOTOWNER; /* what is here is to be let go itself */
    } else if (code == 0 && (holding == NULL || holding->actor != actor)) {
        code = SHOAL_ECONFLICT; /* it has forgotten what it took, or may have */
    }
    taking_free(one);
    asker.answer(asker.self, code, code == 0 ? actor : 0);
    taking->ports.room(taking->ports.self);
}

void taking_stop(struct taking *taking)
{
    taking->stopped = true;
    while (!queue_empty(&taking->all)) {
        taking_end(QUEUE_ITEM(taking->all.next, struct taking_one, link), SHOAL_ESHUTDOWN);
    }
}

static struct taking_one *taking_find(const struct taking *taking, uint32_t partition,
                                      uint64_t node)
{
    struct queue *link = taking->all.next;
    for (; link != &taking->all; link = link->next) {
        struct taking_one *one = QUEUE_ITEM(link, struct taking_one, link);
        if (one->partition == partition && one->node == node) {
            return one;
        }
    }
    return NULL;
}

/* Why nothing can be taken now; 0: it can. */
static int taking_refusal(const struct taking *taking, const struct message_release *ask)
{
    const struct syncs *syncs = taking->syncs;
    if (taking->stopped) {
        return SHOAL_ESHUTDOWN;
    }
    if (ask->node == syncs->self || ask->partition >= view_facts(syncs->view)->partitions ||
        !view_owns(syncs->view, syncs->self, ask->partition) ||
        replica_holding(syncs->replica, ask->partition) == NULL) {
        return SHOAL_ENOTOWNER;
    }
    switch (replica_health(syncs->replica)) {
    case ENGINE_HEALTHY:
        return 0;
    case ENGINE_FULL:
        return SHOAL_ENOSPC;
    default:
        return SHOAL_EIO;
    }
}

static int taking_sync(struct taking *taking, const struct message_release *ask,
                       const struct taking_asker *asker)
{
    struct syncs *syncs = taking->syncs;
    if (taking->count == TAKINGS_MAX || !transfers_free(taking->transfers)) {
        return SHOAL_EOVERLOAD;
    }
    struct taking_one *one = mem_alloc_zeroed(1, sizeof(*one));
    if (one == NULL) {
        return SHOAL_ENOMEM;
    }
    *one = (struct taking_one){
        .taking = taking,
        .partition = ask->partition,
        .node = ask->node,
        .asked_actor = ask->actor,
        .own_actor = replica_holding(syncs->replica, ask->partition)->actor,
        .asker = *asker,
        .settling = {.fire = taking_on_settled},
    };
    queue_init(&one->settling.link);
    struct sync_wish wish = {
        .partition = ask->partition,
        .node = ask->node,
        .release = true,
        .self = one,
        .done = taking_on_sync,
    };
    int result = sync_begin(syncs, &wish, &one->sync);
    if (result < 0) {
        mem_free(one);
        return result;
    }
    queue_push(&taking->all, &one->link);
    taking->count++;
    taking->transfers->used++;
    return 0;
}

int taking_begin(struct taking *taking, const struct message_release *ask,
                 const struct taking_asker *asker)
{
    int refusal = taking_refusal(taking, ask);
    if (refusal < 0) {
        return refusal;
    }
    struct taking_one *one = taking_find(taking, ask->partition, ask->node);
    if (one == NULL) {
        return taking_sync(taking, ask, asker);
    }
    struct taking_asker before = one->asker;
    one->asker = *asker;
    one->asked_actor = ask->actor;
    before.answer(before.self, SHOAL_EOVERLOAD, 0);
    return 0;
}

/* The sync is over: waits until all that was stored by now is as durable as a confirmed write. */
static void taking_settle(struct taking_one *one)
{
    const struct replica *replica = one->taking->syncs->replica;
    struct durability *durability = &one->taking->syncs->replica->durability;
    if (durability->failed != 0) {
        taking_end(one, durability->failed);
    } else if (!replica->engine->keeps_data || MUTANT(release_unsettled) ||
               durability_reached(durability, DURABILITY_SETTLED)) {
        taking_end(one, 0);
    } else {
        durability_wait(durability, DURABILITY_SETTLED, &one->settling);
    }
}

static void taking_on_settled(struct durable_waiter *waiter, int code)
{
    taking_end(QUEUE_ITEM(waiter, struct taking_one, settling), code);
}

static void taking_on_sync(void *self, const struct sync_outcome *outcome)
{
    struct taking_one *one = self;
    struct taking *taking = one->taking;
    one->sync = NULL;
    taking->transfers->used--;
    taking->ports.ended(taking->ports.self, outcome);
    if (outcome->code < 0) {
        taking_end(one, outcome->code);
    } else if (outcome->actor != one->asked_actor) {
        taking_end(one, SHOAL_ECONFLICT); /* of another holding than the one that asks now */
    } else {
        taking_settle(one);
    }
}

void taking_check(const struct taking *taking)
{
    uint32_t count = 0;
    const struct queue *link = taking->all.next;
    for (; link != &taking->all; link = link->next) {
        count++;
    }
    ASSERT(count == taking->count);
    ASSERT(taking->transfers->used <= taking->transfers->max);
}
