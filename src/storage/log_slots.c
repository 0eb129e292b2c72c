/* The engine's table of segments: what of each is alive, and which of them are gone. Slots are
 * numbered anew in every process; a number is used again once nothing refers to it. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"

#define SLOTS_MAX (UINT32_C(1) << LOG_SLOT_BITS)
#define SLOTS_FIRST 16u

/* The lowest free number, with room for it in the table. */
static int slot_number(struct log_engine *log, uint32_t *out)
{
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        if (log->slots[i] == NULL) {
            *out = i;
            return 0;
        }
    }
    uint32_t capacity = log->slot_capacity == 0 ? SLOTS_FIRST : log->slot_capacity * 2;
    if (capacity > SLOTS_MAX) {
        return SHOAL_ENOMEM;
    }
    struct log_slot **slots = mem_realloc(log->slots, capacity * sizeof(*slots));
    if (slots == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = log->slot_capacity; i < capacity; i++) {
        slots[i] = NULL;
    }
    *out = log->slot_capacity;
    log->slots = slots;
    log->slot_capacity = capacity;
    return 0;
}

int log_slot_new(struct log_engine *log, struct log_slot **out)
{
    uint32_t number = 0;
    struct log_slot *slot = mem_alloc_zeroed(1, sizeof(*slot));
    int code = slot == NULL ? SHOAL_ENOMEM : slot_number(log, &number);
    /* A segment that is left goes on to the lingering ones: there must be room when it is. */
    uint32_t lingering = log->lingering_count + log->slot_count + 1;
    if (code == 0 && lingering > log->lingering_capacity) {
        void *grown = mem_realloc(log->lingering, 2 * lingering * sizeof(*log->lingering));
        code = grown == NULL ? SHOAL_ENOMEM : 0;
        if (code == 0) {
            log->lingering = grown;
            log->lingering_capacity = 2 * lingering;
        }
    }
    if (code != 0) {
        mem_free(slot);
        return code;
    }
    slot->log = log;
    slot->number = number;
    slot->task_retry_us = TIMERS_NEVER;
    queue_init(&slot->unsynced);
    log->slots[number] = slot;
    log->slot_count++;
    *out = slot;
    return 0;
}

void log_slot_free(struct log_slot *slot)
{
    struct log_engine *log = slot->log;
    ASSERT(slot->readers == 0 && slot->task == LOG_TASK_NONE);
    ASSERT(log->slots[slot->number] == slot);
    log->used_bytes -= slot->used_bytes;
    log->live_bytes -= slot->live_bytes;
    log->marker_bytes -= slot->marker_bytes;
    log->slots[slot->number] = NULL;
    log->slot_count--;
    queue_remove(&slot->unsynced);
    mem_free(slot);
}

void log_slot_added(struct log_slot *slot, uint8_t kind, uint16_t size_class)
{
    struct log_engine *log = slot->log;
    uint64_t bytes = log_size_of_class(size_class);
    bool marker = kind == LOG_REMOVE || kind == LOG_DROP;
    slot->used_bytes += bytes;
    log->used_bytes += bytes;
    slot->live_bytes += marker ? 0 : bytes;
    log->live_bytes += marker ? 0 : bytes;
    slot->marker_bytes += marker ? bytes : 0;
    log->marker_bytes += marker ? bytes : 0;
}

void log_slot_died(struct log_engine *log, struct log_place place, uint16_t size_class)
{
    struct log_slot *slot = log->slots[place.slot];
    uint64_t bytes = log_size_of_class(size_class);
    ASSERT(slot != NULL && slot->live_bytes >= bytes);
    slot->live_bytes -= bytes;
    log->live_bytes -= bytes;
}

/* Puts that a marker hides lie in segments begun before it was written, because only what is alive
 * is ever copied, into the segment then active. Segments that others still need count: they would
 * be found at the next start. */
uint64_t log_slots_oldest(struct log_engine *log, const struct log_slot *but)
{
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        const struct log_slot *slot = log->slots[i];
        if (slot != NULL && slot != but && slot->first_sequence < oldest) {
            oldest = slot->first_sequence;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < log->lingering_count; i++) {
        struct log_segment *segment = log->lingering[i];
        if (!atomic_load(&segment->gone)) {
            log->lingering[kept++] = segment;
            oldest = segment->first_sequence < oldest ? segment->first_sequence : oldest;
        }
    }
    log->lingering_count = kept;
    return oldest;
}

static void release_run(struct offload_job *job)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    slot->task_code = log_volume_release(slot->log->volume, slot->segment);
}

static void release_done(struct offload_job *job, bool dropped)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    struct log_engine *log = slot->log;
    slot->task = LOG_TASK_NONE;
    if (dropped) {
        return;
    }
    if (slot->task_code != 0) {
        log_warning("storage: a segment could not be removed; it stays",
                    LOG_HEX("segment", slot->origin.number),
                    LOG_TEXT("error", shoal_error_text(slot->task_code)));
    }
    if (!atomic_load(&slot->segment->gone)) {
        log->lingering[log->lingering_count++] = slot->segment;
    } else {
        log_volume_forget(log->volume, slot->segment);
    }
    log_slot_free(slot);
    log_active_retry(log); /* there may be space again */
}

void log_slot_release(struct log_slot *slot)
{
    struct log_engine *log = slot->log;
    ASSERT(slot->state == LOG_SLOT_CLOSED && slot->live_bytes == 0 && slot->readers == 0);
    ASSERT(slot->task == LOG_TASK_NONE && queue_empty(&slot->unsynced));
    if (log->scrub.sweep.slot == slot) {
        log_sweep_end(&log->scrub.sweep);
    }
    log_fetch_forget_slot(log, slot);
    log_damage_forget_slot(log, slot);
    slot->state = LOG_SLOT_LEAVING;
    slot->task = LOG_TASK_RELEASE;
    slot->job.run = release_run;
    slot->job.done = release_done;
    log->options.offload.submit(log->options.offload.self, OFFLOAD_SLOW, &slot->job);
}

void log_slots_deinit(struct log_engine *log)
{
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        if (log->slots[i] != NULL) {
            log_slot_free(log->slots[i]);
        }
    }
    mem_free(log->slots);
    mem_free(log->lingering);
}
