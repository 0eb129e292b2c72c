#include "ring/shares.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#include <stdlib.h>

/* What is being worked out. A zone is `free` while its members take their shares from the common
 * pool, and fixed once it has been given exactly Q copies to share among its own members. */
struct work {
    const struct planner_input *input;
    uint64_t q;
    uint32_t *by_weight;   /* member indexes, heaviest first */
    bool *fixed;           /* per zone */
    uint64_t *zone_sum;    /* per zone: whole partitions of members that own all of them */
    uint64_t *zone_weight; /* per zone: weight of the members that own less */
    uint32_t zone_count;
    struct share *shares;
};

/* Shares `total` copies among the members of one zone, or of all that are free, by weight. The
 * heaviest come first: whoever would get more than Q gets Q, which leaves more for the others.
 * Gives the pool's rest and the weight that shares it. */
static void pool_divide(struct work *work, bool in_pool(const struct work *, uint32_t, uint32_t),
                        uint32_t zone, uint64_t total, uint64_t *rest, uint64_t *rest_weight)
{
    uint64_t weight = 0;
    bool capping = true;
    for (uint32_t i = 0; i < work->input->member_count; i++) {
        if (in_pool(work, i, zone)) {
            weight += work->input->members[i].weight;
        }
    }
    for (uint32_t i = 0; i < work->input->member_count; i++) {
        uint32_t member = work->by_weight[i];
        if (!in_pool(work, member, zone)) {
            continue;
        }
        uint64_t own = work->input->members[member].weight;
        struct share *share = &work->shares[member];
        capping = capping && own * total >= work->q * weight;
        if (capping) {
            *share = (struct share){.floor = (uint32_t)work->q, .denominator = 1};
            total -= work->q;
            weight -= own;
        } else {
            *share = (struct share){.floor = (uint32_t)(own * total / weight),
                                    .numerator = own * total % weight,
                                    .denominator = weight};
        }
    }
    *rest = total;
    *rest_weight = weight;
}

static bool pool_is_zone(const struct work *work, uint32_t member, uint32_t zone)
{
    return work->input->members[member].zone == zone;
}

static bool pool_is_free(const struct work *work, uint32_t member, uint32_t zone)
{
    (void)zone;
    return !work->fixed[work->input->members[member].zone];
}

/* After the free members' shares are known: fixes every free zone that is over (or, with fewer
 * zones than copies, under) Q, and tells whether there was one. Fixing some moves the others'
 * shares only further the same way, so what is fixed stays right. */
static bool zones_fix(struct work *work, bool at_most, uint64_t rest, uint64_t rest_weight)
{
    for (uint32_t zone = 0; zone < work->zone_count; zone++) {
        work->zone_sum[zone] = 0;
        work->zone_weight[zone] = 0;
    }
    for (uint32_t i = 0; i < work->input->member_count; i++) {
        const struct planner_member *member = &work->input->members[i];
        if (work->shares[i].floor == work->q) {
            work->zone_sum[member->zone] += work->q;
        } else {
            work->zone_weight[member->zone] += member->weight;
        }
    }
    bool any = false;
    for (uint32_t zone = 0; zone < work->zone_count; zone++) {
        if (work->fixed[zone]) {
            continue;
        }
        /* sum + weight * rest / rest_weight against Q, without dividing */
        uint64_t scale = rest_weight > 0 ? rest_weight : 1;
        uint64_t has = work->zone_sum[zone] * scale + work->zone_weight[zone] * rest;
        uint64_t bound = work->q * scale;
        if (at_most ? has > bound : has < bound) {
            work->fixed[zone] = true;
            any = true;
        }
    }
    return any;
}

static void shares_divide(struct work *work, uint32_t replicas, bool *bent)
{
    uint64_t rest = 0;
    uint64_t rest_weight = 0;
    uint64_t total = work->q * replicas;
    uint32_t fixed_count = 0;
    pool_divide(work, pool_is_free, 0, total, &rest, &rest_weight);
    bool any =
        work->zone_count > 1 && zones_fix(work, work->zone_count >= replicas, rest, rest_weight);
    *bent = any;
    while (any) {
        fixed_count = 0;
        for (uint32_t zone = 0; zone < work->zone_count; zone++) {
            fixed_count += work->fixed[zone];
        }
        ASSERT(fixed_count < work->zone_count);
        pool_divide(work, pool_is_free, 0, total - work->q * fixed_count, &rest, &rest_weight);
        any = zones_fix(work, work->zone_count >= replicas, rest, rest_weight);
    }
    for (uint32_t zone = 0; zone < work->zone_count; zone++) {
        if (work->fixed[zone]) {
            pool_divide(work, pool_is_zone, zone, work->q, &rest, &rest_weight);
        }
    }
}

struct heavy {
    uint32_t weight;
    uint32_t member;
};

static int heavy_compare(const void *left, const void *right)
{
    const struct heavy *a = left;
    const struct heavy *b = right;
    if (a->weight != b->weight) {
        return a->weight > b->weight ? -1 : 1;
    }
    return a->member < b->member ? -1 : a->member > b->member;
}

/* Member indexes by falling weight, then by index. */
static int members_by_weight(const struct planner_input *input, uint32_t *out)
{
    struct heavy *heavy = mem_alloc(input->member_count * sizeof(*heavy));
    if (heavy == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < input->member_count; i++) {
        heavy[i] = (struct heavy){.weight = input->members[i].weight, .member = i};
    }
    qsort(heavy, input->member_count, sizeof(*heavy), heavy_compare);
    for (uint32_t i = 0; i < input->member_count; i++) {
        out[i] = heavy[i].member;
    }
    mem_free(heavy);
    return 0;
}

int shares_compute(const struct planner_input *input, uint32_t replicas, uint32_t zone_count,
                   struct share *shares, bool *bent)
{
    struct work work = {
        .input = input, .q = input->partitions, .zone_count = zone_count, .shares = shares};
    int r = SHOAL_ENOMEM;
    work.by_weight = mem_alloc(input->member_count * sizeof(*work.by_weight));
    work.fixed = mem_alloc_zeroed(input->member_count, sizeof(*work.fixed));
    work.zone_sum = mem_alloc(input->member_count * sizeof(*work.zone_sum));
    work.zone_weight = mem_alloc(input->member_count * sizeof(*work.zone_weight));
    if (work.by_weight != NULL && work.fixed != NULL && work.zone_sum != NULL &&
        work.zone_weight != NULL) {
        r = members_by_weight(input, work.by_weight);
    }
    if (r == 0) {
        shares_divide(&work, replicas, bent);
    }
    mem_free(work.zone_weight);
    mem_free(work.zone_sum);
    mem_free(work.fixed);
    mem_free(work.by_weight);
    return r;
}
