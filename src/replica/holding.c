/* Beginning holdings and giving dots. See holding.h. */
#include "replica/holding.h"

#include "base/assert.h"
#include "base/byteorder.h"

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

void holding_check(const struct holding *holding)
{
    ASSERT(holding->actor != 0);
}
