#include "storage/lsm_known.h"

#include "base/memory.h"
#include "shoal/error.h"
#include "storage/brief.h"

int lsm_known_init(struct lsm_known *known)
{
    known->slots = mem_alloc_zeroed(LSM_KNOWN_SLOTS, sizeof(known->slots[0]));
    return known->slots == NULL ? SHOAL_ENOMEM : 0;
}

void lsm_known_deinit(struct lsm_known *known)
{
    mem_free(known->slots);
    known->slots = NULL;
}

/* Keys of one position are legal in any number, so the tag counts too. */
static struct lsm_known_slot *slot_of(const struct lsm_known *known, const struct engine_key *key)
{
    uint64_t mixed = hash_mix(key->position ^ ((uint64_t)key->tag << 32) ^ key->partition);
    return &known->slots[mixed % LSM_KNOWN_SLOTS];
}

const struct lsm_known_slot *lsm_known_find(const struct lsm_known *known,
                                            const struct engine_key *key, uint32_t epoch)
{
    const struct lsm_known_slot *slot = slot_of(known, key);
    bool same = slot->taken && slot->position == key->position && slot->tag == key->tag &&
                slot->partition == key->partition && slot->epoch == epoch;
    return same ? slot : NULL;
}

void lsm_known_record(struct lsm_known *known, const struct engine_key *key, uint32_t epoch,
                      struct bytes record)
{
    struct lsm_known_slot *slot = slot_of(known, key);
    *slot = (struct lsm_known_slot){.position = key->position,
                                    .partition = key->partition,
                                    .epoch = epoch,
                                    .record_bytes = (uint32_t)record.len,
                                    .tag = key->tag,
                                    .taken = true,
                                    .present = true};
    slot->brief = engine_brief_of(record);
}

void lsm_known_absent(struct lsm_known *known, const struct engine_key *key, uint32_t epoch)
{
    *slot_of(known, key) = (struct lsm_known_slot){.position = key->position,
                                                   .partition = key->partition,
                                                   .epoch = epoch,
                                                   .tag = key->tag,
                                                   .taken = true};
}
