/* Records that can't be read: told once to the worker, whose holding has then forgotten something,
 * and never served. The index entry stays, so that it is not taken for absent; an overwrite heals
 * it. Damage that a call discovers is told at the next flush, and the call is pending until then.
 *
 * The table leads from a place to a number: 1, plus 2 when it was told, plus 4 times the partition.
 */
#include "storage/log_engine_inside.h"

#include "base/log.h"
#include "shoal/error.h"

#define DAMAGE_MARK 1u
#define DAMAGE_TOLD 2u
#define DAMAGE_SHIFT 2u
#define TELL_MAX 256u /* a flush */

int log_damage_found(struct log_engine *log, uint32_t partition, struct log_place place)
{
    uint64_t key = log_place_key(place);
    if (table_get(&log->damaged, key) != NULL) {
        return 0;
    }
    uintptr_t value = ((uintptr_t)partition << DAMAGE_SHIFT) | DAMAGE_MARK;
    int code = table_put(&log->damaged, key, (void *)value);
    if (code != 0) {
        return code;
    }
    char name[LOG_NAME_BYTES];
    log_segment_name(log->slots[place.slot]->origin.number, name);
    log_error("storage: a damaged record: it is not served, the partition is filled from peers",
              LOG_TEXT("file", name), LOG_U64("offset", log_place_offset(place)),
              LOG_U64("partition", partition));
    log->damage_untold++;
    return 0;
}

bool log_damage_told(const struct log_engine *log, struct log_place place)
{
    if (log->damaged.count == 0) {
        return false;
    }
    uintptr_t value = (uintptr_t)table_get(&log->damaged, log_place_key(place));
    return (value & DAMAGE_TOLD) != 0;
}

/* Some keys of what is to be told; the table may not be changed while it is walked, and the worker
 * may do anything when it is told. */
static uint32_t untold(const struct log_engine *log, uint64_t keys[TELL_MAX])
{
    uint32_t count = 0;
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (count < TELL_MAX && table_next(&log->damaged, &cursor, &key, &value)) {
        if (((uintptr_t)value & DAMAGE_TOLD) == 0) {
            keys[count++] = key;
        }
    }
    return count;
}

void log_damage_tell(struct log_engine *log)
{
    uint64_t keys[TELL_MAX];
    while (log->damage_untold > 0) {
        uint32_t count = untold(log, keys);
        for (uint32_t i = 0; i < count; i++) {
            uintptr_t value = (uintptr_t)table_get(&log->damaged, keys[i]);
            (void)table_put(&log->damaged, keys[i], (void *)(value | DAMAGE_TOLD));
            log->damage_untold--;
            log->engine.events.damaged(log->engine.events.self, (uint32_t)(value >> DAMAGE_SHIFT));
        }
    }
}

void log_damage_forget_slot(struct log_engine *log, const struct log_slot *slot)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&log->damaged, &cursor, &key, &value)) {
        if (key >> LOG_OFFSET_BITS == slot->number) {
            log->damage_untold -= ((uintptr_t)value & DAMAGE_TOLD) == 0 ? 1 : 0;
            (void)table_remove(&log->damaged, key);
            cursor = 0; /* removing moves others */
        }
    }
}
