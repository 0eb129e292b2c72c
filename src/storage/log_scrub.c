/* Scrub: every closed segment is read again once in a while, so that what a disk has lost is found
 * while peers still have it. The reading is spread evenly over the interval, a piece at a time; a
 * process that lives shorter begins at another segment each time. */
#include "storage/log_engine_inside.h"

#include "shoal/error.h"

#define INTERVAL_DEFAULT_US (UINT64_C(7) * 24 * 3600 * 1000000)
#define PIECE_BYTES (256u * LIMIT_KIB) /* about what one read takes in */
#define GAP_MIN_US UINT64_C(10000)
#define GAP_MAX_US (UINT64_C(3600) * 1000000)

static void sweep_then(struct log_sweep *sweep);

static uint64_t interval_us(const struct log_engine *log)
{
    uint64_t tuned = log->options.tuning.scrub_interval_us;
    return tuned == 0 ? INTERVAL_DEFAULT_US : tuned;
}

void log_scrub_init(struct log_engine *log)
{
    log->scrub.sweep.log = log;
    log->scrub.sweep.then = sweep_then;
}

/* When the next piece is due. */
static void rest(struct log_engine *log)
{
    uint64_t pieces = log->used_bytes / PIECE_BYTES + log->slot_count + 1;
    uint64_t gap = interval_us(log) / pieces;
    gap = gap < GAP_MIN_US ? GAP_MIN_US : gap;
    log->scrub.due_us = log->engine.now_us + (gap > GAP_MAX_US ? GAP_MAX_US : gap);
}

static void check_read(struct log_engine *log)
{
    struct log_sweep *sweep = &log->scrub.sweep;
    for (size_t i = sweep->from; i < sweep->to; i++) {
        const struct log_sweep_entry *entry = &sweep->entries[i];
        struct log_entry place = log_sweep_place(sweep, entry);
        if (entry->damaged && log_is_live(log, entry->partition, &place)) {
            (void)log_damage_found(log, entry->partition, place.place);
        }
    }
    log->scrub.at = sweep->to;
}

static void sweep_then(struct log_sweep *sweep)
{
    struct log_engine *log = sweep->log;
    if (sweep->code != 0) {
        log_sweep_end(sweep);
        return;
    }
    if (sweep->to > 0) {
        check_read(log);
    } else {
        log->scrub.at = 0;
        for (size_t i = 0; i < sweep->entry_count; i++) {
            sweep->entries[i].wanted = true;
        }
    }
}

/* The next closed segment, in order of numbers, round and round. */
static struct log_slot *slot_next(struct log_engine *log)
{
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        uint32_t number = (log->scrub.slot_next + i) % log->slot_capacity;
        struct log_slot *slot = log->slots[number];
        if (slot != NULL && slot->state == LOG_SLOT_CLOSED) {
            log->scrub.slot_next = number + 1;
            return slot;
        }
    }
    return NULL;
}

void log_scrub_turn(struct log_engine *log)
{
    struct log_scrub *scrub = &log->scrub;
    if (interval_us(log) == UINT64_MAX || scrub->sweep.running) {
        return;
    }
    if (scrub->due_us == 0) {
        scrub->slot_next = (uint32_t)(log->sequence % log->slot_capacity);
        rest(log);
        return;
    }
    if (log->engine.now_us < scrub->due_us) {
        return;
    }
    rest(log);
    if (scrub->sweep.slot == NULL) {
        struct log_slot *slot = slot_next(log);
        if (slot != NULL) {
            log_sweep_list(&scrub->sweep, slot);
        }
    } else if (log_sweep_read(&scrub->sweep, scrub->at) == 1) {
        log->figures.scrubbed++;
        log_sweep_end(&scrub->sweep);
    }
}

uint64_t log_scrub_next_us(const struct log_engine *log)
{
    bool never = interval_us(log) == UINT64_MAX || log->scrub.sweep.running;
    return never ? TIMERS_NEVER : log->scrub.due_us;
}
