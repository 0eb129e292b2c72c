/* Which partition is synced next, and with whom: the rounds take turns. See rounds.h. */
#include "repair/rounds.h"

#include "base/memory.h"
#include "shoal/error.h"

struct round {
    struct queue link;
    uint64_t node;
    bool everything;
    uint32_t next;    /* partition */
    uint32_t running; /* syncs; the round lives on until they have ended */
};

struct round_sync {
    struct queue link;
    struct rounds *rounds;
    struct round *round;
    struct sync *sync;
};

static void rounds_on_sync(void *self, const struct sync_outcome *outcome);

void rounds_init(struct rounds *rounds)
{
    *rounds = (struct rounds){0};
    queue_init(&rounds->queue);
    queue_init(&rounds->syncing);
}

static void rounds_free_sync(struct round_sync *one)
{
    one->rounds->running--;
    one->round->running--;
    queue_remove(&one->link);
    mem_free(one);
}

static void rounds_free(struct round *round)
{
    queue_remove(&round->link);
    mem_free(round);
}

static void rounds_clear(struct rounds *rounds)
{
    while (!queue_empty(&rounds->syncing)) {
        struct round_sync *one = QUEUE_ITEM(rounds->syncing.next, struct round_sync, link);
        sync_cancel(one->sync);
        rounds_free_sync(one);
    }
    while (!queue_empty(&rounds->queue)) {
        rounds_free(QUEUE_ITEM(rounds->queue.next, struct round, link));
    }
}

void rounds_deinit(struct rounds *rounds)
{
    rounds_clear(rounds);
}

void rounds_stop(struct rounds *rounds)
{
    rounds->stopped = true;
    rounds_clear(rounds);
}

bool rounds_idle(const struct rounds *rounds)
{
    return queue_empty(&rounds->queue);
}

/* Is there anything to do in the partition? One that is refilling is the filler's. */
static bool rounds_wants(const struct rounds *rounds, const struct round *round, uint32_t partition)
{
    const struct syncs *syncs = rounds->syncs;
    if (!comparison_shares(syncs->view, partition, syncs->self, round->node)) {
        return false;
    }
    struct holding *holding = replica_holding(syncs->replica, partition);
    return holding != NULL && !holding->refilling && replica_tree(holding) != NULL &&
           (round->everything || !replica_heard(holding, round->node));
}

/* The round's next partition; false when there is none left. */
static bool rounds_next(const struct rounds *rounds, struct round *round, uint32_t *out)
{
    uint32_t partitions = view_facts(rounds->syncs->view)->partitions;
    while (round->next < partitions) {
        *out = round->next;
        round->next += rounds->share.count;
        if (rounds_wants(rounds, round, *out)) {
            return true;
        }
    }
    return false;
}

/* 0, or why no sync could be begun. */
static int rounds_sync(struct rounds *rounds, struct round *round, uint32_t partition)
{
    struct round_sync *one = mem_alloc_zeroed(1, sizeof(*one));
    if (one == NULL) {
        return SHOAL_ENOMEM;
    }
    one->rounds = rounds;
    one->round = round;
    struct sync_wish wish = {
        .partition = partition, .node = round->node, .self = one, .done = rounds_on_sync};
    int result = sync_begin(rounds->syncs, &wish, &one->sync);
    if (result < 0) {
        mem_free(one);
        return result;
    }
    queue_push(&rounds->syncing, &one->link);
    rounds->running++;
    round->running++;
    return 0;
}

/* Starts what may run. */
static void rounds_go_on(struct rounds *rounds)
{
    struct queue *link = rounds->queue.next;
    while (link != &rounds->queue && rounds->running < ROUNDS_CONCURRENT_MAX) {
        struct queue *behind = link->next;
        struct round *round = QUEUE_ITEM(link, struct round, link);
        uint32_t partition;
        bool more = rounds_next(rounds, round, &partition);
        if (more && rounds_sync(rounds, round, partition) < 0) {
            round->next = UINT32_MAX; /* not reached any more: the rest can wait for the next */
            more = false;
        }
        if (more) {
            queue_remove(&round->link); /* the others' turn */
            queue_push(&rounds->queue, &round->link);
            behind = rounds->queue.next;
        } else if (round->running == 0) {
            rounds_free(round);
        }
        link = behind;
    }
}

static void rounds_on_sync(void *self, const struct sync_outcome *outcome)
{
    struct round_sync *one = self;
    struct rounds *rounds = one->rounds;
    rounds_free_sync(one);
    rounds->ports.ended(rounds->ports.self, outcome);
    rounds_go_on(rounds);
}

static struct round *rounds_find(const struct rounds *rounds, uint64_t node)
{
    struct queue *link = rounds->queue.next;
    for (; link != &rounds->queue; link = link->next) {
        struct round *round = QUEUE_ITEM(link, struct round, link);
        if (round->node == node) {
            return round;
        }
    }
    return NULL;
}

void rounds_begin(struct rounds *rounds, uint64_t node, bool everything)
{
    struct round *round = rounds_find(rounds, node);
    if (rounds->stopped) {
        return;
    }
    if (round != NULL) {
        round->everything = round->everything || everything;
        return;
    }
    round = mem_alloc_zeroed(1, sizeof(*round));
    if (round == NULL) {
        return; /* the next comparison asks for one again */
    }
    round->node = node;
    round->everything = everything;
    round->next = rounds->share.index;
    queue_push(&rounds->queue, &round->link);
    rounds_go_on(rounds);
}
