#include "ring/planner.h"

#include "base/assert.h"
#include "base/memory.h"
#include "ring/first_owners.h"
#include "ring/flow.h"
#include "ring/shares.h"
#include "shoal/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool row_distinct(const uint16_t *row, uint32_t replicas)
{
    for (uint32_t i = 0; i < replicas; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (row[i] == row[k] && row[i] != PLANNER_NONE) {
                return false;
            }
        }
    }
    return true;
}

static int before_check(const struct planner_input *input)
{
    if (input->before == NULL) {
        return 0;
    }
    if (input->before_replicas == 0 || input->before_replicas > LIMIT_REPLICAS) {
        return SHOAL_EINVAL;
    }
    for (uint32_t partition = 0; partition < input->partitions; partition++) {
        const uint16_t *row = &input->before[(size_t)partition * input->before_replicas];
        for (uint32_t i = 0; i < input->before_replicas; i++) {
            if (row[i] >= input->member_count && row[i] != PLANNER_NONE) {
                return SHOAL_EINVAL;
            }
        }
        if (!row_distinct(row, input->before_replicas)) {
            return SHOAL_EINVAL;
        }
    }
    return 0;
}

/* Numbers in range, members in order, zones dense: 0 and how many zones there are. */
static int input_check(const struct planner_input *input, uint32_t *zone_count)
{
    if (input->partitions == 0 || input->partitions > LIMIT_PARTITIONS_MAX || input->n == 0 ||
        input->n > LIMIT_REPLICAS || input->member_count == 0 ||
        input->member_count >= PLANNER_NONE) {
        return SHOAL_EINVAL;
    }
    uint32_t zones = 0;
    for (uint32_t i = 0; i < input->member_count; i++) {
        const struct planner_member *member = &input->members[i];
        if (member->weight == 0 || member->weight > LIMIT_WEIGHT ||
            member->zone >= input->member_count ||
            (i > 0 && input->members[i - 1].node >= member->node)) {
            return SHOAL_EINVAL;
        }
        zones = member->zone >= zones ? member->zone + 1 : zones;
    }
    bool *used = mem_alloc_zeroed(zones, sizeof(*used));
    if (used == NULL) {
        return SHOAL_ENOMEM;
    }
    int r = before_check(input);
    for (uint32_t i = 0; i < input->member_count; i++) {
        used[input->members[i].zone] = true;
    }
    for (uint32_t zone = 0; zone < zones; zone++) {
        r = used[zone] ? r : SHOAL_EINVAL;
    }
    mem_free(used);
    if (r == 0) {
        *zone_count = zones;
    }
    return r;
}

static uint32_t row_zones(const struct planner_input *input, const uint16_t *row, uint32_t replicas)
{
    uint32_t zones = 0;
    for (uint32_t i = 0; i < replicas; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < i; k++) {
            seen = seen || input->members[row[k]].zone == input->members[row[i]].zone;
        }
        zones += !seen;
    }
    return zones;
}

static uint32_t row_moved(const struct planner_input *input, uint32_t partition,
                          const uint16_t *row, uint32_t replicas)
{
    if (input->before == NULL) {
        return replicas;
    }
    const uint16_t *before = &input->before[(size_t)partition * input->before_replicas];
    uint32_t moved = replicas;
    for (uint32_t i = 0; i < replicas; i++) {
        for (uint32_t k = 0; k < input->before_replicas; k++) {
            moved -= before[k] == row[i];
        }
    }
    return moved;
}

/* At most so many of the row's owners before can stay: those that are members, and where copies
 * must be in distinct zones, one a zone. */
static uint32_t row_kept_most(const struct planner_input *input, uint32_t partition,
                              uint32_t replicas, uint32_t zone_count)
{
    const uint16_t *before = &input->before[(size_t)partition * input->before_replicas];
    uint16_t stay[LIMIT_REPLICAS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < input->before_replicas; i++) {
        if (before[i] != PLANNER_NONE) {
            stay[count++] = before[i];
        }
    }
    count = zone_count >= replicas ? row_zones(input, stay, count) : count;
    return count < replicas ? count : replicas;
}

/* At most so many copies can stay by what members had: nobody keeps more than its share rounded
 * down, but for as many as get theirs rounded up. */
static uint32_t members_kept_most(const struct planner_input *input, uint32_t replicas,
                                  const struct share *shares, const uint32_t *had)
{
    uint32_t kept = 0;
    uint32_t roundable = 0;
    uint32_t to_round = input->partitions * replicas;
    for (uint32_t i = 0; i < input->member_count; i++) {
        kept += had[i] < shares[i].floor ? had[i] : shares[i].floor;
        roundable += shares[i].numerator > 0 && had[i] > shares[i].floor;
        to_round -= shares[i].floor;
    }
    return kept + (roundable < to_round ? roundable : to_round);
}

static int moves_least(const struct planner_input *input, uint32_t replicas, uint32_t zone_count,
                       const struct share *shares, uint32_t *out)
{
    uint32_t slots = input->partitions * replicas;
    uint32_t by_rows = 0;
    if (input->before == NULL) {
        *out = slots;
        return 0;
    }
    uint32_t *had = mem_alloc_zeroed(input->member_count, sizeof(*had));
    if (had == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t slot = 0; slot < input->partitions * input->before_replicas; slot++) {
        if (input->before[slot] != PLANNER_NONE) {
            had[input->before[slot]]++;
        }
    }
    for (uint32_t partition = 0; partition < input->partitions; partition++) {
        by_rows += row_kept_most(input, partition, replicas, zone_count);
    }
    uint32_t by_members = members_kept_most(input, replicas, shares, had);
    mem_free(had);
    *out = slots - (by_rows < by_members ? by_rows : by_members);
    return 0;
}

/* The worst distance from the share by weight alone. */
static int share_excess(const struct planner_input *input, uint32_t replicas,
                        const uint16_t *owners, double *out)
{
    uint32_t *load = mem_alloc_zeroed(input->member_count, sizeof(*load));
    struct share *shares = mem_alloc(input->member_count * sizeof(*shares));
    bool bent = false;
    int r = SHOAL_ENOMEM;
    if (load != NULL && shares != NULL) {
        r = shares_compute(input, replicas, 1, shares, &bent);
    }
    if (r == 0) {
        double worst = 0;
        for (uint32_t slot = 0; slot < input->partitions * replicas; slot++) {
            load[owners[slot]]++;
        }
        for (uint32_t i = 0; i < input->member_count; i++) {
            double distance = (double)load[i] - share_value(&shares[i]);
            distance = distance < 0 ? -distance : distance;
            worst = distance > worst ? distance : worst;
        }
        *out = worst;
    }
    mem_free(shares);
    mem_free(load);
    return r;
}

__attribute__((format(printf, 2, 3))) static void reason_add(struct planner_report *report,
                                                             const char *format, ...)
{
    size_t len = strlen(report->reason);
    if (len > 0 && len + 3 < sizeof(report->reason)) {
        memcpy(report->reason + len, "; ", 3);
        len += 2;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(report->reason + len, sizeof(report->reason) - len, format, arguments);
    va_end(arguments);
}

static int report_make(const struct planner_input *input, uint32_t replicas, uint32_t zone_count,
                       const struct share *shares, bool bent, const uint16_t *owners,
                       struct planner_report *report)
{
    struct planner_report made = {.replicas = replicas, .zones_used = replicas};
    int r = share_excess(input, replicas, owners, &made.share_excess_max);
    if (r == 0) {
        r = moves_least(input, replicas, zone_count, shares, &made.moves_least);
    }
    if (r != 0) {
        return r;
    }
    for (uint32_t partition = 0; partition < input->partitions; partition++) {
        const uint16_t *row = &owners[(size_t)partition * replicas];
        uint32_t zones = row_zones(input, row, replicas);
        made.zones_used = zones < made.zones_used ? zones : made.zones_used;
        made.moved += row_moved(input, partition, row, replicas);
        ASSERT(row_distinct(row, replicas));
    }
    ASSERT(made.moved >= made.moves_least);
    ASSERT(made.zones_used == (zone_count < replicas ? zone_count : replicas));
    if (replicas < input->n) {
        reason_add(&made, "%u member%s for n = %u: every member owns every partition", replicas,
                   replicas == 1 ? "" : "s", input->n);
    }
    if (zone_count > 1 && zone_count < replicas) {
        reason_add(&made, "%u zones for %u copies: some zones hold several copies of a partition",
                   zone_count, replicas);
    }
    if (bent) {
        reason_add(&made,
                   "zones outweigh weights: to have copies in %u zones, members own up to %.1f "
                   "partitions more or less than their weight's share",
                   made.zones_used, made.share_excess_max);
    }
    *report = made;
    return 0;
}

int planner_plan(const struct planner_input *input, uint16_t *owners, struct planner_report *report)
{
    uint32_t zone_count = 0;
    int r = input_check(input, &zone_count);
    if (r != 0) {
        return r;
    }
    uint32_t replicas = input->n < input->member_count ? input->n : input->member_count;
    bool bent = false;
    struct share *shares = mem_alloc(input->member_count * sizeof(*shares));
    if (shares == NULL) {
        return SHOAL_ENOMEM;
    }
    r = shares_compute(input, replicas, zone_count, shares, &bent);
    if (r == 0) {
        r = flow_assign(input, replicas, zone_count, shares, owners);
    }
    if (r == 0) {
        r = first_owners_choose(input, replicas, owners);
    }
    if (r == 0) {
        r = report_make(input, replicas, zone_count, shares, bent, owners, report);
    }
    mem_free(shares);
    return r;
}
