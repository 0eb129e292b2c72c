/* Which segment to compact next. The one with the most dead in proportion, once that is half of it,
 * or less when half of everything is dead or the disk is full; and besides:
 *
 * - one with nothing alive, at once: it costs nothing;
 * - one in which something was found damaged: what is left of it is better moved away;
 * - the oldest, when removals and drops add up, because they can only go when what they hide has;
 * - small ones, as every start leaves some, when they have become many. */
#include "storage/log_engine_inside.h"

#define DEAD_PERCENT_DEFAULT 50u
#define DEAD_PERCENT_ALL 40u  /* of everything, from which on */
#define DEAD_PERCENT_THEN 20u /* of one is enough */
/* Space is cheap, and copying less counts, while little is alive and all is not much more. */
#define DEAD_PERCENT_LITTLE 90u
#define LITTLE_BYTES (256u * LIMIT_MIB)
#define LITTLE_TIMES 4u
#define LITTLE_MORE_BYTES (64u * LIMIT_MIB)
#define DEAD_PERCENT_FULL 5u /* on a full disk */
#define MARKER_SHARE 8u      /* of everything */
#define SMALL_SHARE 8u       /* of what the next segment would hold */
#define SMALL_MANY 8u
#define URGENT_PERCENT 1000u

struct outlook {
    struct log_engine *log;
    bool full;
    bool little;
    bool much_dead;
    bool many_markers;
    bool many_small;
    uint64_t small_bytes; /* what is smaller is small */
    uint64_t room;        /* in the active segment */
    uint64_t oldest;      /* first sequence over all */
};

static bool may_go(const struct log_engine *log, const struct log_slot *slot)
{
    return slot != NULL && slot->state == LOG_SLOT_CLOSED && slot->task == LOG_TASK_NONE &&
           queue_empty(&slot->unsynced) && (!slot->swept || slot->live_bytes == 0) &&
           log->backup == NULL;
}

static bool is_small(const struct outlook *outlook, const struct log_slot *slot)
{
    return slot->used_bytes < outlook->small_bytes;
}

static struct outlook look(struct log_engine *log)
{
    uint64_t dead = log->used_bytes - log->live_bytes - log->marker_bytes;
    bool little = log->live_bytes < LITTLE_BYTES &&
                  log->used_bytes < LITTLE_TIMES * log->live_bytes + LITTLE_MORE_BYTES;
    struct outlook outlook = {.log = log,
                              .full = log_engine_is_full(log),
                              .little = little && log->options.tuning.dead_percent == 0,
                              .much_dead = dead * 100 > log->used_bytes * DEAD_PERCENT_ALL,
                              .many_markers = log->marker_bytes * MARKER_SHARE > log->used_bytes,
                              .small_bytes = log_active_capacity(log) / SMALL_SHARE,
                              .room = log->active->capacity - log->active->end,
                              .oldest = log_slots_oldest(log, NULL)};
    uint32_t small = 0;
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        small += may_go(log, log->slots[i]) && is_small(&outlook, log->slots[i]) ? 1 : 0;
    }
    outlook.many_small = small >= SMALL_MANY;
    return outlook;
}

static uint64_t dead_bytes(const struct outlook *outlook, const struct log_slot *slot)
{
    uint64_t dead = slot->used_bytes - slot->live_bytes - slot->marker_bytes;
    if (slot->marker_bytes == 0) {
        return dead;
    }
    uint64_t oldest_other = slot->first_sequence > outlook->oldest
                                ? outlook->oldest
                                : log_slots_oldest(outlook->log, slot);
    /* Is nothing that its markers hide left anywhere? */
    return slot->segment->sequence_max < oldest_other ? dead + slot->marker_bytes : dead;
}

static uint32_t least_percent(const struct outlook *outlook)
{
    uint32_t percent = outlook->log->options.tuning.dead_percent;
    if (outlook->little) {
        percent = DEAD_PERCENT_LITTLE;
    } else if (percent == 0) {
        percent = DEAD_PERCENT_DEFAULT;
    }
    if (outlook->much_dead && !outlook->little && percent > DEAD_PERCENT_THEN) {
        percent = DEAD_PERCENT_THEN;
    }
    return outlook->full && percent > DEAD_PERCENT_FULL ? DEAD_PERCENT_FULL : percent;
}

/* How much it is worth to compact it; 0: not at all. */
static uint64_t worth(const struct outlook *outlook, const struct log_slot *slot)
{
    const struct log_engine *log = outlook->log;
    uint64_t kept = slot->live_bytes + slot->marker_bytes;
    if (kept == 0) {
        return 2 * URGENT_PERCENT;
    }
    if (outlook->full && kept + kept / 8 + LIMIT_KIB > outlook->room) {
        return 0;
    }
    uint64_t dead = dead_bytes(outlook, slot);
    uint64_t percent = slot->used_bytes == 0 ? 0 : dead * 100 / slot->used_bytes;
    if (log->compact.all) {
        return dead > 0 ? 1 + percent : 0;
    }
    if (slot->segment->damaged || (outlook->many_small && is_small(outlook, slot))) {
        return URGENT_PERCENT;
    }
    if (outlook->many_markers && slot->first_sequence == outlook->oldest) {
        return URGENT_PERCENT;
    }
    return dead > 0 && percent >= least_percent(outlook) ? 1 + percent : 0;
}

struct log_slot *log_victim(struct log_engine *log)
{
    struct outlook outlook = look(log);
    struct log_slot *best = NULL;
    uint64_t best_worth = 0;
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        struct log_slot *slot = log->slots[i];
        uint64_t slot_worth = may_go(log, slot) ? worth(&outlook, slot) : 0;
        if (slot_worth > best_worth) {
            best = slot;
            best_worth = slot_worth;
        }
    }
    return best;
}
