/* The words of the members and what they come to. See closing_case.h. */
#include "repair/closing_case.h"

#include "base/memory.h"

static bool is_current(const struct holding *holding, uint64_t actor)
{
    if (holding->actor == actor) {
        return true;
    }
    const struct tombstones *tombstones = &holding->tombstones;
    for (uint32_t i = 0; i < tombstones->report_count; i++) {
        if (tombstones->reports[i].actor == actor) {
            return true;
        }
    }
    return false;
}

static bool owners_told(const struct holding *holding)
{
    const struct tombstones *tombstones = &holding->tombstones;
    for (uint32_t i = 0; i < tombstones->report_count; i++) {
        if (tombstones->reports[i].actor == 0) {
            return false;
        }
    }
    return tombstones->owners_known;
}

static bool is_among(uint64_t actor, const uint64_t *actors, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (actors[i] == actor) {
            return true;
        }
    }
    return false;
}

uint32_t closing_candidates(const struct holding *holding, uint64_t out[LIMIT_ENDED_ACTORS])
{
    const struct partition_clock *clock = &holding->clock;
    uint32_t count = 0;
    if (!owners_told(holding)) {
        return 0;
    }
    for (uint32_t i = 0; i < clock->count && count < LIMIT_ENDED_ACTORS; i++) {
        uint64_t actor = clock->actors[i].actor;
        if (!partition_clock_closed(clock, actor) && !is_current(holding, actor)) {
            out[count++] = actor;
        }
    }
    const struct tombstones *tombstones = &holding->tombstones;
    for (uint32_t i = 0; i < tombstones->stranger_count && count < LIMIT_ENDED_ACTORS; i++) {
        uint64_t actor = tombstones->strangers[i];
        if (!partition_clock_closed(clock, actor) && !is_current(holding, actor) &&
            !is_among(actor, out, count)) {
            out[count++] = actor;
        }
    }
    return count;
}

struct closing_case *closing_case_new(uint32_t partition, uint32_t word_count)
{
    struct closing_case *entry =
        mem_alloc_zeroed(1, sizeof(*entry) + word_count * sizeof(entry->words[0]));
    if (entry != NULL) {
        queue_init(&entry->link);
        entry->partition = partition;
        entry->word_count = word_count;
    }
    return entry;
}

void closing_case_begin(struct closing_case *entry, enum closing_stage stage, uint64_t id)
{
    entry->stage = stage;
    entry->id = id;
    entry->wanted = 0;
    entry->synced = 0;
    memset(entry->words, 0, entry->word_count * sizeof(entry->words[0]));
}

void closing_case_word(struct closing_case *entry, uint32_t member, uint64_t confirmed)
{
    entry->words[member].answered = true;
    entry->words[member].confirmed |= confirmed & closing_case_all(entry);
}

bool closing_case_heard(const struct closing_case *entry)
{
    for (uint32_t i = 0; i < entry->word_count; i++) {
        if (!entry->words[i].answered) {
            return false;
        }
    }
    return true;
}

bool closing_case_told(const struct closing_case *entry, uint32_t member)
{
    const struct closing_word *word = &entry->words[member];
    return entry->stage == CLOSING_ASKING ? word->answered
                                          : word->confirmed == closing_case_all(entry);
}

uint64_t closing_case_agreed(const struct closing_case *entry)
{
    uint64_t agreed = closing_case_all(entry);
    for (uint32_t i = 0; i < entry->word_count; i++) {
        agreed &= entry->words[i].confirmed;
    }
    return agreed;
}

uint64_t closing_case_all(const struct closing_case *entry)
{
    return entry->count == LIMIT_ENDED_ACTORS ? UINT64_MAX : (UINT64_C(1) << entry->count) - 1;
}

bool closing_case_whole(const struct closing_case *entry, const struct holding *holding)
{
    for (uint32_t i = 0; i < holding->clock.count; i++) {
        const struct clock_actor *actor = &holding->clock.actors[i];
        for (uint32_t j = 0; j < entry->count; j++) {
            if (actor->actor == entry->actors[j] && actor->span_count > 0) {
                return false;
            }
        }
    }
    return true;
}

void closing_case_narrow(struct closing_case *entry, uint64_t actors)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < entry->count; i++) {
        if ((actors >> i & 1) != 0) {
            entry->actors[count++] = entry->actors[i];
        }
    }
    entry->count = count;
}
