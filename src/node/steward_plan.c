/* The plan as an answer: what a change moves, for people and for what they script. All of it is
 * read off the two layouts, before and after; only how many bytes that may be is an estimate, by
 * what the nodes say that they hold. */
#include "base/memory.h"
#include "node/steward_inside.h"
#include "ring/shares.h"
#include "shoal/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- how good a layout is ---- */

struct standing_of_layout {
    uint32_t zones;        /* distinct ones that every partition spans at least */
    uint32_t excess_milli; /* the worst member's distance from its weighted share */
};

static int excess_of(const struct layout *layout, uint32_t *out)
{
    uint32_t count = layout->member_count;
    struct planner_member *members = mem_alloc_zeroed(count, sizeof(*members));
    struct share *shares = mem_alloc_zeroed(count, sizeof(*shares));
    struct planner_input input = {.partitions = layout->facts.partitions,
                                  .n = layout->facts.n,
                                  .members = members,
                                  .member_count = count};
    int result = members == NULL || shares == NULL ? SHOAL_ENOMEM : 0;
    for (uint32_t i = 0; result == 0 && i < count; i++) {
        members[i] = (struct planner_member){.node = layout->members[i].node,
                                             .weight = layout->members[i].weight};
    }
    bool bent;
    if (result == 0) {
        result = shares_compute(&input, layout->replicas, 1, shares, &bent);
    }
    double most = 0;
    for (uint32_t i = 0; result == 0 && i < count; i++) {
        double away = fabs((double)layout->members[i].partitions - share_value(&shares[i]));
        most = away > most ? away : most;
    }
    mem_free(shares);
    mem_free(members);
    if (result == 0) {
        *out = (uint32_t)(most * 1000 + 0.5);
    }
    return result;
}

static uint32_t zones_of_partition(const struct layout *layout, uint32_t partition)
{
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(layout, partition, owners);
    const char *zones[LIMIT_REPLICAS];
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *zone = roles_find(&layout->roles, owners[i])->zone;
        uint32_t k = 0;
        while (k < distinct && strcmp(zones[k], zone) != 0) {
            k++;
        }
        zones[k] = zone;
        distinct += k == distinct ? 1 : 0;
    }
    return distinct;
}

static int layout_judge(const struct layout *layout, struct standing_of_layout *out)
{
    out->zones = layout->replicas;
    for (uint32_t p = 0; p < layout->facts.partitions; p++) {
        uint32_t zones = zones_of_partition(layout, p);
        out->zones = zones < out->zones ? zones : out->zones;
    }
    return excess_of(layout, &out->excess_milli);
}

/* ---- rows ---- */

/* What a slot holds on average, by the records of those who have some. */
static double bytes_of_slot(const struct steward *steward, const struct layout *layout)
{
    double bytes = 0;
    double slots = 0;
    for (uint32_t i = 0; i < layout->member_count; i++) {
        uint64_t node = layout->members[i].node;
        const struct gossip_node *known = gossip_find(&steward->gossip, node);
        const struct node_record *record = node == steward->id ? &steward->gossip.self
                                           : known != NULL     ? &known->record
                                                               : NULL;
        if (record != NULL) {
            bytes += (double)record->bytes;
            slots += layout->members[i].partitions;
        }
    }
    return slots > 0 ? bytes / slots : 0;
}

static uint32_t row_kind(const struct role *before, const struct role *after)
{
    bool was = before != NULL && before->kind == ROLE_IN;
    bool will = after != NULL && after->kind == ROLE_IN;
    if (will) {
        return !was ? CHANGE_JOINS : role_same(before, after) ? CHANGE_STAYS : CHANGE_REWEIGHED;
    }
    return after != NULL && after->kind == ROLE_REMOVED ? CHANGE_REMOVED : CHANGE_LEAVES;
}

static uint32_t partitions_of(const struct layout *layout, uint64_t node)
{
    int index = layout_member_index(layout, node);
    return index < 0 ? 0 : layout->members[index].partitions;
}

static struct plan_row row_of(const struct plan *plan, uint64_t node)
{
    const struct role *before = roles_find(&plan->before->roles, node);
    const struct role *after = roles_find(&plan->after->roles, node);
    const struct role *named = after != NULL ? after : before;
    return (struct plan_row){
        .node = node,
        .name = bytes_from_string(named->name),
        .zone = bytes_from_string(named->zone),
        .weight = named->weight,
        .kind = row_kind(before, after),
        .partitions_before = partitions_of(plan->before, node),
        .partitions_after = partitions_of(plan->after, node),
    };
}

static int row_compare(const void *a, const void *b)
{
    const struct plan_row *x = a;
    const struct plan_row *y = b;
    return strcmp((const char *)x->name.data, (const char *)y->name.data);
}

/* Members of either layout, each once. */
static void rows_make(struct plan *plan)
{
    const struct layout *before = plan->before;
    const struct layout *after = plan->after;
    uint32_t count = 0;
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < before->member_count || k < after->member_count) {
        uint64_t x = i < before->member_count ? before->members[i].node : UINT64_MAX;
        uint64_t y = k < after->member_count ? after->members[k].node : UINT64_MAX;
        uint64_t node = x < y ? x : y;
        i += x == node && i < before->member_count ? 1 : 0;
        k += y == node && k < after->member_count ? 1 : 0;
        plan->rows[count++] = row_of(plan, node);
    }
    plan->reply.count = count;
    plan->reply.rows = plan->rows;
}

/* Owner slots that are new to their node, by member of the layout after. */
static int slots_gained(const struct plan *plan, uint32_t **out)
{
    const struct layout *after = plan->after;
    uint32_t *gained = mem_alloc_zeroed(after->member_count, sizeof(*gained));
    if (gained == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t p = 0; p < after->facts.partitions; p++) {
        const uint16_t *owners = &after->owners[(size_t)p * after->replicas];
        for (uint32_t i = 0; i < after->replicas; i++) {
            gained[owners[i]] += !layout_owns(plan->before, after->members[owners[i]].node, p);
        }
    }
    *out = gained;
    return 0;
}

static int rows_weigh(const struct steward *steward, struct plan *plan)
{
    struct message_change_reply *reply = &plan->reply;
    double slot_bytes = bytes_of_slot(steward, plan->before);
    uint32_t *gained;
    int result = slots_gained(plan, &gained);
    if (result < 0) {
        return result;
    }
    for (uint32_t i = 0; i < reply->count; i++) {
        struct plan_row *row = &plan->rows[i];
        int index = layout_member_index(plan->after, row->node);
        row->partitions_in = index < 0 ? 0 : gained[index];
        row->bytes_in = (uint64_t)(slot_bytes * row->partitions_in);
        reply->moves += row->partitions_in;
        reply->bytes_in += row->bytes_in;
        reply->moves_least += row->partitions_after > row->partitions_before
                                  ? row->partitions_after - row->partitions_before
                                  : 0;
    }
    mem_free(gained);
    return 0;
}

/* ---- the whole ---- */

/* Members that the planner has made up (what if) are nobody yet. */
static void rows_unname(struct plan *plan, const struct view *view)
{
    for (uint32_t i = 0; i < plan->reply.count; i++) {
        if (roles_find(&view->roles, plan->rows[i].node) == NULL) {
            plan->rows[i].node = 0;
        }
    }
}

static int plan_fill(const struct steward *steward, const struct plan_wish *wish, struct plan *plan)
{
    struct message_change_reply *reply = &plan->reply;
    struct standing_of_layout before;
    struct standing_of_layout after;
    int result = layout_judge(plan->before, &before);
    if (result == 0) {
        result = layout_judge(plan->after, &after);
    }
    if (result < 0) {
        return result;
    }
    *reply = (struct message_change_reply){
        .changes = wish->before->digest != wish->after->digest || plan->before != plan->after,
        .committed = wish->committed,
        .version_before = plan->before->key.version,
        .version_after = plan->after->key.version,
        .partitions = plan->after->facts.partitions,
        .replicas_before = plan->before->replicas,
        .replicas_after = plan->after->replicas,
        .zones_before = before.zones,
        .zones_after = after.zones,
        .share_excess_before_milli = before.excess_milli,
        .share_excess_after_milli = after.excess_milli,
        .may_lose = wish->may_lose,
    };
    if (wish->report != NULL && wish->report->reason[0] != '\0') {
        (void)snprintf(plan->reason, sizeof(plan->reason), "%s", wish->report->reason);
        reply->reason = bytes_from_string(plan->reason);
    }
    rows_make(plan);
    result = rows_weigh(steward, plan);
    if (wish->report != NULL && wish->report->moves_least > reply->moves_least) {
        reply->moves_least = wish->report->moves_least; /* zones ask for more */
    }
    rows_unname(plan, wish->after);
    qsort(plan->rows, reply->count, sizeof(*plan->rows), row_compare);
    return result;
}

int plan_make(const struct steward *steward, const struct plan_wish *wish, struct plan **out)
{
    struct plan *plan = mem_alloc_zeroed(1, sizeof(*plan));
    if (plan == NULL) {
        return SHOAL_ENOMEM;
    }
    plan->before = layout_ref(view_newest(wish->before));
    plan->after = layout_ref((struct layout *)wish->layout);
    size_t rows_max = (size_t)plan->before->member_count + plan->after->member_count;
    plan->rows = mem_alloc_zeroed(rows_max, sizeof(*plan->rows));
    int result = plan->rows == NULL ? SHOAL_ENOMEM : plan_fill(steward, wish, plan);
    if (result < 0) {
        plan_free(plan);
        return result;
    }
    *out = plan;
    return 0;
}

void plan_free(struct plan *plan)
{
    if (plan != NULL) {
        layout_unref(plan->before);
        layout_unref(plan->after);
        mem_free(plan->rows);
        mem_free(plan);
    }
}

void plan_remark(struct plan *plan, const char *text)
{
    (void)snprintf(plan->text, sizeof(plan->text), "%s", text);
    plan->reply.text = plan->text[0] == '\0' ? bytes_make(NULL, 0) : bytes_from_string(plan->text);
}
