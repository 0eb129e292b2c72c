/* Beginning holdings and giving dots. See holding.h. */
#include "replica/holding.h"

#include "base/assert.h"
#include "base/byteorder.h"
#include "shoal/error.h"

#define HOLDING_FORMAT 1u
#define HOLDING_FLAG_REFILLING 1u

void holding_begin(struct holding *holding, uint32_t partition, bool refilling,
                   struct random *random)
{
    *holding = (struct holding){
        .partition = partition, .refilling = refilling, .actor = random_id(random)};
}

struct dot holding_next_dot(struct holding *holding)
{
    ASSERT(holding->counter < UINT64_MAX);
    holding->counter++;
    return (struct dot){.actor = holding->actor, .counter = holding->counter};
}

void holding_encode(const struct holding *holding, uint8_t out[HOLDING_RECORD_BYTES])
{
    out[0] = HOLDING_FORMAT;
    store_u64_le(out + 1, holding->actor);
    store_u64_le(out + 9, holding->counter);
    out[17] = holding->refilling ? HOLDING_FLAG_REFILLING : 0;
}

int holding_decode(struct bytes record, uint32_t partition, struct holding *out)
{
    if (record.len == 0) {
        return SHOAL_EPROTO;
    }
    if (record.data[0] != HOLDING_FORMAT) {
        return SHOAL_EVERSION;
    }
    if (record.len != HOLDING_RECORD_BYTES || load_u64_le(record.data + 1) == 0 ||
        load_u64_le(record.data + 9) == UINT64_MAX ||
        (record.data[17] & ~HOLDING_FLAG_REFILLING) != 0) {
        return SHOAL_EPROTO;
    }
    *out = (struct holding){
        .partition = partition,
        .refilling = record.data[17] != 0,
        .recorded = true,
        .actor = load_u64_le(record.data + 1),
        .counter = load_u64_le(record.data + 9),
    };
    return 0;
}

void holding_check(const struct holding *holding)
{
    ASSERT(holding->actor != 0);
}
