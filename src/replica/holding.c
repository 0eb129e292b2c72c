/* Beginning holdings, giving dots, records. See holding.h. */
#include "replica/holding.h"

#include "base/assert.h"
#include "base/byteorder.h"
#include "shoal/error.h"

#define HOLDING_FORMAT_PLAIN 1u
#define HOLDING_FORMAT 2u
#define HOLDING_FLAG_REFILLING 1u

void holding_init(struct holding *holding, uint32_t partition)
{
    *holding = (struct holding){.partition = partition, .telling.version = UINT64_MAX};
    partition_clock_init(&holding->clock);
    partition_clock_init(&holding->told);
    partition_clock_init(&holding->telling.clock);
    live_tree_init(&holding->tree);
    tombstones_init(&holding->tombstones);
    expiring_init(&holding->expiring);
    queue_init(&holding->watches);
    queue_init(&holding->work);
}

void holding_deinit(struct holding *holding)
{
    ASSERT(queue_empty(&holding->watches));
    holding_forget_clock(holding);
    queue_remove(&holding->work);
    expiring_deinit(&holding->expiring);
    tombstones_deinit(&holding->tombstones);
    live_tree_deinit(&holding->tree);
    partition_clock_deinit(&holding->told);
    partition_clock_deinit(&holding->clock);
}

void holding_begin(struct holding *holding, bool refilling, struct random *random)
{
    holding->refilling = refilling;
    holding->recorded = false;
    holding->actor = random_id(random);
    holding->counter = 0;
}

void holding_forget_clock(struct holding *holding)
{
    struct telling *telling = &holding->telling;
    if (telling->waiting) {
        durability_cancel(&telling->waiter);
        telling->waiting = false;
    }
    telling->version = UINT64_MAX;
    partition_clock_deinit(&telling->clock);
    partition_clock_clear(&holding->told);
    partition_clock_clear(&holding->clock);
}

void holding_forget_tree(struct holding *holding)
{
    live_tree_forget(&holding->tree);
    tombstones_forget(&holding->tombstones);
    expiring_forget(&holding->expiring);
    holding->patrol = (struct patrol){0};
}

struct dot holding_next_dot(struct holding *holding)
{
    ASSERT(holding->counter < UINT64_MAX);
    holding->counter++;
    return (struct dot){.actor = holding->actor, .counter = holding->counter};
}

/* ---- records ---- */

int holding_encode(const struct holding *holding, const struct partition_clock *clock,
                   struct buffer *out)
{
    uint8_t plain[HOLDING_RECORD_BYTES];
    struct partition_clock none;
    partition_clock_init(&none);
    plain[0] = HOLDING_FORMAT;
    store_u64_le(plain + 1, holding->actor);
    store_u64_le(plain + 9, holding->counter);
    plain[17] = holding->refilling ? HOLDING_FLAG_REFILLING : 0;
    int result = buffer_append(out, plain, sizeof(plain));
    return result < 0 ? result : partition_clock_encode(clock == NULL ? &none : clock, out);
}

int holding_decode(struct bytes bytes, struct holding_record *out)
{
    if (bytes.len == 0) {
        return SHOAL_EPROTO;
    }
    uint8_t format = bytes.data[0];
    if (format != HOLDING_FORMAT_PLAIN && format != HOLDING_FORMAT) {
        return SHOAL_EVERSION;
    }
    if (bytes.len < HOLDING_RECORD_BYTES || load_u64_le(bytes.data + 1) == 0 ||
        load_u64_le(bytes.data + 9) == UINT64_MAX ||
        (bytes.data[17] & ~HOLDING_FLAG_REFILLING) != 0) {
        return SHOAL_EPROTO;
    }
    struct bytes clock =
        bytes_make(bytes.data + HOLDING_RECORD_BYTES, bytes.len - HOLDING_RECORD_BYTES);
    if (format == HOLDING_FORMAT_PLAIN) {
        if (clock.len > 0) {
            return SHOAL_EPROTO;
        }
        partition_clock_clear(&out->clock);
    } else {
        int result = partition_clock_decode(clock, &out->clock);
        if (result < 0) {
            return result;
        }
    }
    out->refilling = bytes.data[17] != 0;
    out->actor = load_u64_le(bytes.data + 1);
    out->counter = load_u64_le(bytes.data + 9);
    return 0;
}

void holding_check(const struct holding *holding)
{
    ASSERT(holding->actor != 0);
    partition_clock_check(&holding->clock);
    partition_clock_check(&holding->told);
    ASSERT(!holding->telling.waiting || holding->telling.version != UINT64_MAX);
    ASSERT(!holding->tree.is_making || holding->patrol.active);
    tombstones_check(&holding->tombstones);
    expiring_check(&holding->expiring);
}
