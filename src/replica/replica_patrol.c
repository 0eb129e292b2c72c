/* Walks over all that a holding has, a few entries at a time, while everything goes on around them.
 * Most often to make its hash tree, at the start of a process or because it has grown; on the way
 * they meet tombstones and siblings that will expire, which the bounded lists of those have missed.
 * The engine's index tells nearly all without reading; what it can't tell is read.
 *
 * A step ends between positions: what was met at the position where it goes on is met again. */
#include "base/memory.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

#define PATROL_READS 64u /* objects that one step reads at most */
#define PATROL_PAUSE_US (10 * REPLICA_SECOND_US)
#define PATROL_READING_DELAY_US (60 * REPLICA_SECOND_US)
#define PATROL_READING_PAUSE_US (600 * REPLICA_SECOND_US)

/* A sibling met. */
struct met {
    uint64_t position;
    struct dot dot;
    uint64_t expiry_ms;
    bool tombstone;
    bool expires; /* at a time that only reading would tell */
};

struct patrol_step {
    struct replica *replica;
    struct holding *holding;
    struct met *met;
    uint32_t count;
    uint32_t capacity;
    uint32_t visited;
    uint32_t budget;
    uint64_t last;  /* position visited */
    uint64_t until; /* all before has been met */
    bool must_read; /* what lies there */
    int error;
};

static bool step_add(struct patrol_step *step, struct met met)
{
    if (step->count == step->capacity) {
        uint32_t capacity = step->capacity == 0 ? 64 : step->capacity * 2;
        struct met *grown = arena_alloc_array(step->replica->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            step->error = SHOAL_ENOMEM;
            return false;
        }
        if (step->count > 0) {
            memcpy(grown, step->met, step->count * sizeof(*grown));
        }
        step->met = grown;
        step->capacity = capacity;
    }
    step->met[step->count++] = met;
    return true;
}

/* May the entry at this position not be the next one? Then all before it have been met. */
static bool step_ends(struct patrol_step *step, uint64_t position, bool enough)
{
    if (enough && (step->visited == 0 || step->last != position)) {
        step->until = position;
        return true;
    }
    step->last = position;
    step->visited++;
    return false;
}

/* ---- by the index ---- */

static bool step_survey(void *self, const struct engine_survey_entry *entry)
{
    struct patrol_step *step = self;
    const struct engine_brief *brief = &entry->brief;
    if (!brief->simple || (brief->expires && step->holding->patrol.reads)) {
        step->until = entry->position;
        step->must_read = true;
        return false;
    }
    if (step_ends(step, entry->position, step->visited >= step->budget)) {
        return false;
    }
    return step_add(step, (struct met){.position = entry->position,
                                       .dot = brief->dot,
                                       .tombstone = brief->tombstone,
                                       .expires = brief->expires});
}

/* ---- by reading ---- */

static bool step_walk(void *self, const struct engine_entry *entry)
{
    struct patrol_step *step = self;
    struct object_glance glance;
    bool plain =
        object_glance(entry->record, &glance) && !(glance.expires && step->holding->patrol.reads);
    bool enough = step->visited >= PATROL_READS || (step->visited > 0 && plain);
    if (step_ends(step, entry->position, enough)) {
        return false;
    }
    struct object object;
    int result = object_decode(step->replica->arena, entry->record, &object);
    if (result == SHOAL_ENOMEM) {
        step->error = result;
        return false;
    }
    for (uint32_t i = 0; result == 0 && i < object.sibling_count; i++) {
        const struct sibling *sibling = &object.siblings[i];
        if (!step_add(step, (struct met){.position = entry->position,
                                         .dot = sibling->dot,
                                         .expiry_ms = sibling->expiry_ms,
                                         .tombstone = sibling->kind == SIBLING_TOMBSTONE})) {
            return false;
        }
    }
    return true;
}

/* ---- what was met ---- */

static void patrol_meet(struct replica *replica, struct holding *holding, const struct met *met)
{
    struct expiring *expiring = &holding->expiring;
    if (holding->tree.is_making) {
        live_tree_meet(&holding->tree, &replica->position_secret, met->position, met->dot);
    }
    partition_clock_add(&holding->clock, met->dot); /* it is held: it has been seen */
    if (!holding->patrol.collects) {
        return;
    }
    if (met->tombstone) {
        tombstones_add(&holding->tombstones, met->position, met->dot);
    }
    if (met->expiry_ms != 0 && holding->patrol.tracks_expiry) {
        expiring_add(expiring, replica_expiry_due_ms(replica, met->expiry_ms), met->position,
                     met->dot);
    }
    if (met->expires && holding->patrol.tracks_expiry) {
        expiring->missed_ms = 0;
    }
}

static void patrol_finish(struct replica *replica, struct holding *holding)
{
    struct patrol *patrol = &holding->patrol;
    uint64_t now_us = replica->engine->now_us;
    if (holding->tree.is_making) {
        live_tree_finish(&holding->tree);
    }
    holding->tombstones.due = holding->tombstones.due || patrol->collects;
    patrol->active = false;
    patrol->next_us = now_us + PATROL_PAUSE_US;
    if (patrol->reads) {
        patrol->reading_next_us = now_us + PATROL_READING_PAUSE_US;
    } else if (patrol->reading_next_us < now_us + PATROL_READING_DELAY_US) {
        patrol->reading_next_us = now_us + PATROL_READING_DELAY_US;
    }
    replica_wake_at(replica, now_us + REPLICA_SECOND_US);
}

/* Takes note of what lies before `until`, or of all. */
static void patrol_settle(const struct patrol_step *step, bool end)
{
    struct holding *holding = step->holding;
    for (uint32_t i = 0; i < step->count; i++) {
        if (end || step->met[i].position < step->until) {
            patrol_meet(step->replica, holding, &step->met[i]);
        }
    }
    if (end) {
        patrol_finish(step->replica, holding);
        return;
    }
    holding->patrol.position = step->until;
    if (holding->tree.is_making) {
        live_tree_advance(&holding->tree, step->until);
    }
}

/* ---- steps ---- */

/* What the engine's walk or survey came to. */
static int patrol_stepped(struct patrol_step *step, int result, uint64_t pending_at,
                          uint32_t *budget)
{
    uint64_t before = step->holding->patrol.position;
    *budget -= step->visited < *budget ? step->visited : *budget;
    if (result < 0 || step->error < 0) {
        return result < 0 ? result : step->error;
    }
    if (result == 2) {
        step->until = pending_at;
    }
    patrol_settle(step, result == 0);
    return result == 2 && pending_at == before ? REPLICA_PENDING : REPLICA_DONE;
}

int replica_patrol(struct replica *replica, struct holding *holding, uint32_t *budget)
{
    struct engine *engine = replica->engine;
    struct patrol_step step = {.replica = replica, .holding = holding, .budget = *budget};
    uint64_t position = holding->patrol.position;
    uint64_t pending_at = 0;
    int result =
        engine->ops->survey(engine, holding->partition, position, waiting_ticket(&replica->reads),
                            step_survey, &step, &pending_at);
    bool must_read = result == 1 && step.must_read;
    uint64_t read_at = step.until;
    result = patrol_stepped(&step, result, pending_at, budget);
    if (!must_read || result != REPLICA_DONE) {
        return result;
    }
    step = (struct patrol_step){.replica = replica, .holding = holding};
    result = engine->ops->walk(engine, holding->partition, read_at, waiting_ticket(&replica->reads),
                               step_walk, &step, &pending_at);
    return patrol_stepped(&step, result, pending_at, budget);
}

/* ---- when ---- */

static bool patrol_wants(const struct holding *holding, struct moment now, bool *reads)
{
    const struct patrol *patrol = &holding->patrol;
    *reads = holding->expiring.missed_ms <= now.wall_ms && now.mono_us >= patrol->reading_next_us;
    /* While as many as are kept in mind wait for somebody, a walk would bring nothing. */
    bool missed = holding->tombstones.missed && holding->tombstones.left == 0 &&
                  holding->tombstones.count < TOMBSTONES_MAX;
    return now.mono_us >= patrol->next_us && (missed || *reads);
}

void replica_patrol_begin(struct replica *replica, struct holding *holding, struct moment now)
{
    struct patrol *patrol = &holding->patrol;
    bool first = !holding->tree.complete;
    bool reads = false;
    if (patrol->active) {
        return;
    }
    bool tree = live_tree_wants(&holding->tree) && now.mono_us >= patrol->tree_next_us;
    if (tree) {
        struct engine_stats stats;
        replica->engine->ops->stats(replica->engine, holding->partition, &stats);
        uint64_t siblings = first ? stats.keys : holding->tree.tree.siblings;
        if (live_tree_begin(&holding->tree, siblings) < 0) {
            patrol->tree_next_us = now.mono_us + REPLICA_SECOND_US;
            replica_wake_at(replica, patrol->tree_next_us);
            tree = false;
        }
    }
    bool collects = first || patrol_wants(holding, now, &reads);
    if (!tree && (first || !collects)) {
        return;
    }
    patrol->active = true;
    patrol->position = 0;
    patrol->collects = collects;
    patrol->reads = reads && !first;
    patrol->tracks_expiry = first || patrol->reads;
    if (collects) {
        tombstones_forget(&holding->tombstones);
    }
    if (first || patrol->reads) {
        expiring_forget(&holding->expiring);
    }
}
