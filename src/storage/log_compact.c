/* Compaction: what is alive in a segment is written again, with the sequence it had, and the
 * segment is removed. Jobs read and check; the worker's thread only asks the index and copies, a
 * little in each turn, in proportion to what users write, so that compaction keeps up and is not
 * noticed.
 *
 *      idle -> listing -> markers -> choosing -> reading -> moving -> ... -> settling -> idle
 *              (job)                    ^         (job)        |             then the segment
 *                                       '---------------------'              is removed (job)
 *
 * Settling waits until everything written so far is durable: not only the copies, but also what
 * replaced or removed the rest; else a crash could take the new and the segment's removal the old.
 *
 * Removals and drops hide what lies in older segments, and are kept for as long as there are any:
 * log_slots_oldest. What was removed and then written again, or dropped with its partition later,
 * is hidden by that. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define RATE_DEFAULT (16u * LIMIT_MIB) /* bytes a second while users write nothing */
#define TOKENS_MAX (128u * LIMIT_KIB)  /* what a turn may move */
#define TOKENS_MIN (8u * LIMIT_KIB)    /* less is not worth a turn */
#define USERS_SHARE 2u                 /* bytes moved for each that users write */
#define QUEUE_BUSY (4u * LIMIT_MIB)    /* then users come first */
#define CHOOSE_A_TURN 512u
#define AHEAD 8u /* entries whose place in the index is fetched in advance */
#define LOOK_US UINT64_C(100000)

static void sweep_then(struct log_sweep *sweep);

void log_compact_init(struct log_engine *log)
{
    log->compact.sweep.log = log;
    log->compact.sweep.then = sweep_then;
}

/* ---- how much ---- */

static uint64_t rate(const struct log_engine *log)
{
    uint64_t tuned = log->options.tuning.compact_bytes_per_s;
    return tuned == 0 ? RATE_DEFAULT : tuned;
}

static void tokens_count(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    uint64_t elapsed_us = log->engine.now_us - compact->tokens_us;
    uint64_t by_time = elapsed_us >= 1000000 ? rate(log) : elapsed_us * rate(log) / 1000000;
    compact->tokens += by_time + USERS_SHARE * (log->taken_bytes - compact->tokens_taken);
    compact->tokens = compact->tokens > TOKENS_MAX ? TOKENS_MAX : compact->tokens;
    compact->tokens_us = log->engine.now_us;
    compact->tokens_taken = log->taken_bytes;
}

static void tokens_spend(struct log_compact *compact, uint64_t bytes)
{
    compact->tokens -= bytes < compact->tokens ? bytes : compact->tokens;
}

/* May it go on in this turn? */
static bool may_move(const struct log_engine *log)
{
    return log->compact.all || (log->compact.tokens > 0 && log->queued_bytes < QUEUE_BUSY);
}

/* ---- the end of it ---- */

static void compact_end(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    log_sweep_end(&compact->sweep);
    compact->victim = NULL;
    compact->state = LOG_COMPACT_IDLE;
    compact->look_us = log->engine.now_us;
}

/* Gives the segment up for now: what was moved is moved. */
static void compact_leave(struct log_engine *log)
{
    compact_end(log);
    log->compact.look_us = log->engine.now_us + LOOK_US;
}

static void settle_begin(struct log_engine *log)
{
    log->compact.state = LOG_COMPACT_SETTLING;
    log->compact.settled_number = log->append_number;
}

static void settle(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    struct log_slot *victim = compact->victim;
    log_durable_harden(log, compact->settled_number);
    bool settled = log->durable_number >= compact->settled_number || MUTANT(compact_unsettled);
    if (!settled || !queue_empty(&log->dropped) || victim->readers > 0 || log->backup != NULL) {
        return;
    }
    if (victim->live_bytes > 0) {
        victim->swept = true; /* the rest can't be read: until it is overwritten */
        compact_end(log);
        return;
    }
    log->figures.compacted++;
    compact_end(log);
    log_slot_release(victim);
}

/* ---- moving ---- */

/* Writes the record again, keeping its sequence. 0, or a code of log_append. */
static int append_again(struct log_engine *log, const struct log_record *record,
                        struct log_spot *spot)
{
    int code = log_append(log, record, LOG_FOR_COMPACTION, spot);
    if (code == 0) {
        log_slot_added(spot->write->slot, record->kind, spot->size_class);
        tokens_spend(&log->compact, spot->size);
        log->figures.moved_bytes += spot->size;
    }
    return code;
}

/* No room, now or at all: false when it is to be tried again at the next turn. */
static bool gives_up(const struct log_engine *log, int code)
{
    return code == SHOAL_ENOSPC && log_engine_is_full(log);
}

static bool marker_needed(struct log_engine *log, const struct log_marker *marker, uint64_t oldest)
{
    const struct log_partition *partition = log_partition_of(log, marker->partition);
    struct log_entry entry;
    if (marker->sequence < partition->drop_sequence || marker->sequence < oldest ||
        MUTANT(forget_marker)) {
        return false;
    }
    return marker->kind == LOG_DROP || partition->index == NULL ||
           log_index_find(partition->index, marker->position, marker->tag, &entry) != 0;
}

static void markers_go_on(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    uint64_t oldest = log_slots_oldest(log, compact->victim);
    for (uint32_t i = 0; compact->at < compact->sweep.marker_count; i++) {
        const struct log_marker *marker = &compact->sweep.markers[compact->at];
        if (i >= CHOOSE_A_TURN || !may_move(log)) {
            return;
        }
        if (marker_needed(log, marker, oldest)) {
            struct log_record record = {.sequence = marker->sequence,
                                        .position = marker->position,
                                        .partition = marker->partition,
                                        .tag = marker->tag,
                                        .kind = marker->kind};
            struct log_spot spot;
            int code = append_again(log, &record, &spot);
            if (code != 0) {
                if (gives_up(log, code)) {
                    compact_leave(log);
                }
                return;
            }
        }
        compact->at++;
    }
    compact->at = 0;
    compact->state = LOG_COMPACT_CHOOSING;
}

/* Holding records that lie in the victim; they are few and in memory. */
static int holdings_move(struct log_engine *log)
{
    for (uint32_t i = 0; i < log->partition_count; i++) {
        struct log_holding *holding = log->partitions[i].holding;
        if (holding == NULL || holding->place.slot != log->compact.victim->number) {
            continue;
        }
        struct log_record record = {.sequence = holding->sequence,
                                    .partition = log_partition_number(log, i),
                                    .kind = LOG_HOLDING,
                                    .value = bytes_make(holding->bytes, holding->len),
                                    .value_raw = (uint32_t)holding->len};
        struct log_spot spot;
        int code = append_again(log, &record, &spot);
        if (code != 0) {
            return code;
        }
        log_slot_died(log, holding->place, holding->size_class);
        holding->place = spot.place;
        holding->size_class = spot.size_class;
    }
    return 0;
}

/* Nearly every look into the index is a miss of the caches. */
static void entry_prefetch(const struct log_engine *log, const struct log_sweep_entry *entry)
{
    const struct log_index *index = log_partition_of_const(log, entry->partition)->index;
    if (index != NULL) {
        log_index_prefetch(index, entry->position);
    }
}

static void finish(struct log_engine *log)
{
    int code = holdings_move(log);
    if (code == 0) {
        settle_begin(log);
    } else if (gives_up(log, code)) {
        compact_leave(log);
    }
}

static void choose(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    struct log_sweep *sweep = &compact->sweep;
    size_t begin = compact->at;
    size_t end =
        sweep->entry_count - begin > CHOOSE_A_TURN ? begin + CHOOSE_A_TURN : sweep->entry_count;
    bool any = false;
    for (size_t i = begin; i < end; i++) {
        struct log_sweep_entry *entry = &sweep->entries[i];
        if (i + AHEAD < end) {
            entry_prefetch(log, &sweep->entries[i + AHEAD]);
        }
        struct log_entry place = log_sweep_place(sweep, entry);
        entry->wanted = log_is_live(log, entry->partition, &place);
        any = any || entry->wanted;
    }
    if (!any) {
        compact->at = end;
        if (end == sweep->entry_count) {
            finish(log);
        }
        return;
    }
    /* Those behind `end` were not looked at and are not wanted yet. */
    if (log_sweep_read(sweep, begin) == 0) {
        compact->state = LOG_COMPACT_READING;
    }
}

/* The record at its new place is the one that counts. */
static int move_one(struct log_engine *log, const struct log_sweep_entry *entry)
{
    struct log_sweep *sweep = &log->compact.sweep;
    struct log_entry from = log_sweep_place(sweep, entry);
    if (!entry->wanted || !log_is_live(log, entry->partition, &from)) {
        return 0;
    }
    if (entry->damaged) {
        return log_damage_found(log, entry->partition, from.place);
    }
    struct log_record record;
    struct log_spot spot;
    log_sweep_record(sweep, entry, &record);
    int code = append_again(log, &record, &spot);
    if (code == 0) {
        ASSERT(log_index_move(log_partition_of(log, entry->partition)->index, entry->position,
                              entry->tag, from.place, spot.place));
        log_fetch_moved(log, from.place, spot.place);
        log_slot_died(log, from.place, from.size_class);
    }
    return code;
}

static void move(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    while (compact->at < compact->sweep.to) {
        if (!may_move(log)) {
            return;
        }
        int code = move_one(log, &compact->sweep.entries[compact->at]);
        if (code != 0) {
            if (gives_up(log, code)) {
                compact_leave(log);
            }
            return;
        }
        compact->at++;
    }
    compact->state = LOG_COMPACT_CHOOSING;
}

static void sweep_then(struct log_sweep *sweep)
{
    struct log_engine *log = sweep->log;
    struct log_compact *compact = &log->compact;
    if (sweep->code != 0) {
        compact_leave(log);
    } else if (compact->state == LOG_COMPACT_LISTING) {
        compact->state = LOG_COMPACT_MARKERS;
        compact->at = 0;
    } else {
        compact->state = LOG_COMPACT_MOVING;
        compact->at = sweep->from;
    }
}

/* ---- the turn ---- */

static struct log_compact_view view(const struct log_engine *log)
{
    return (struct log_compact_view){.used_bytes = log->used_bytes,
                                     .live_bytes = log->live_bytes,
                                     .marker_bytes = log->marker_bytes,
                                     .closed = log->closed_count,
                                     .full = log_engine_is_full(log),
                                     .all = log->compact.all};
}

static bool view_equal(const struct log_compact_view *a, const struct log_compact_view *b)
{
    return a->used_bytes == b->used_bytes && a->live_bytes == b->live_bytes &&
           a->marker_bytes == b->marker_bytes && a->closed == b->closed && a->full == b->full &&
           a->all == b->all;
}

static void begin(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    struct log_compact_view now = view(log);
    if (log->engine.now_us < compact->look_us || view_equal(&now, &compact->looked)) {
        return;
    }
    struct log_slot *victim = log_victim(log);
    compact->look_us = log->engine.now_us + LOOK_US;
    if (victim == NULL) {
        compact->looked = now;
        return;
    }
    compact->victim = victim;
    if (victim->live_bytes == 0 && victim->marker_bytes == 0) {
        settle_begin(log);
        return;
    }
    compact->state = LOG_COMPACT_LISTING;
    log_sweep_list(&compact->sweep, victim);
}

void log_compact_turn(struct log_engine *log)
{
    struct log_compact *compact = &log->compact;
    if (log->failed || log->options.tuning.never_compacts) {
        return;
    }
    tokens_count(log);
    if (compact->state == LOG_COMPACT_IDLE) {
        begin(log);
    }
    if (compact->state == LOG_COMPACT_MARKERS) {
        markers_go_on(log);
    }
    if (compact->state == LOG_COMPACT_MOVING) {
        move(log);
    }
    if (compact->state == LOG_COMPACT_CHOOSING) {
        choose(log);
    }
    if (compact->state == LOG_COMPACT_SETTLING) {
        settle(log);
    }
}

uint64_t log_compact_next_us(const struct log_engine *log)
{
    const struct log_compact *compact = &log->compact;
    if (log->failed || log->options.tuning.never_compacts) {
        return TIMERS_NEVER;
    }
    struct log_compact_view now = view(log);
    switch (compact->state) {
    case LOG_COMPACT_IDLE:
        return view_equal(&now, &compact->looked) ? TIMERS_NEVER : compact->look_us;
    case LOG_COMPACT_MARKERS:
    case LOG_COMPACT_CHOOSING:
    case LOG_COMPACT_MOVING:
        return may_move(log) ? log->engine.now_us
                             : compact->tokens_us + TOKENS_MIN * UINT64_C(1000000) / rate(log);
    case LOG_COMPACT_LISTING:
    case LOG_COMPACT_READING:
    case LOG_COMPACT_SETTLING:
        break;
    }
    return TIMERS_NEVER; /* until a job comes back */
}

bool log_compact_idle(const struct log_engine *log)
{
    const struct log_compact *compact = &log->compact;
    struct log_compact_view now = view(log);
    return log->options.tuning.never_compacts ||
           (compact->state == LOG_COMPACT_IDLE && view_equal(&now, &compact->looked));
}

void log_engine_compact_all(struct engine *engine)
{
    log_engine_of(engine)->compact.all = true;
}
