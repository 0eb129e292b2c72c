/* See plan_text.h. */
#include "cli/plan_text.h"

#include <inttypes.h>

#include "cli/table.h"
#include "report/quantity.h"

static uint64_t copies_after(const struct shoal_plan *plan)
{
    return (uint64_t)plan->partitions * plan->replicas_after;
}

void plan_summary(const struct shoal_plan *plan, char out[PLAN_SUMMARY_BYTES])
{
    char amount[QUANTITY_BYTES];
    (void)snprintf(out, PLAN_SUMMARY_BYTES,
                   "layout %" PRIu64 " -> %" PRIu64 ": %" PRIu32 " of %" PRIu64
                   " copies move, about %s",
                   plan->version_before, plan->version_after, plan->moves, copies_after(plan),
                   quantity_bytes(plan->bytes_in, amount));
}

static void print_nodes(const struct shoal_plan *plan, FILE *out)
{
    static const char *const heads[] = {"NAME",   "ZONE",  "WEIGHT", "CHANGE",
                                        "BEFORE", "AFTER", "GETS",   "BYTES"};
    struct table_text table;
    table_begin(&table, out);
    table_head(&table, heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < plan->node_count; i++) {
        const struct shoal_plan_node *node = &plan->nodes[i];
        char amount[QUANTITY_BYTES];
        table_cell(&table, "%s", node->name);
        table_cell(&table, "%s", node->zone);
        table_cell(&table, "%" PRIu32, node->weight);
        table_cell(&table, "%s", node->change);
        table_cell(&table, "%" PRIu32, node->partitions_before);
        table_cell(&table, "%" PRIu32, node->partitions_after);
        table_cell(&table, "%" PRIu32, node->partitions_in);
        table_cell(&table, "%s", quantity_bytes(node->bytes_in, amount));
    }
    table_end(&table);
}

/* What was and will be, or only one number where both are the same. */
static void print_from_to(FILE *out, const char *what, uint32_t before, uint32_t after,
                          const char *unit)
{
    if (before == after) {
        (void)fprintf(out, "%s: %" PRIu32 " %s\n", what, after, unit);
    } else {
        (void)fprintf(out, "%s: %" PRIu32 " -> %" PRIu32 " %s\n", what, before, after, unit);
    }
}

void plan_print(const struct shoal_plan *plan, FILE *out)
{
    char text[PLAN_SUMMARY_BYTES];
    print_nodes(plan, out);
    plan_summary(plan, text);
    (void)fprintf(out, "%s; the least possible is %" PRIu32 "\n", text, plan->moves_least);
    (void)fprintf(out,
                  "balance: the worst node is %.2f -> %.2f partitions from its weighted share\n",
                  plan->share_excess_before, plan->share_excess_after);
    print_from_to(out, "zones", plan->zones_before, plan->zones_after, "for every partition");
    print_from_to(out, "replicas", plan->replicas_before, plan->replicas_after,
                  "of every partition");
    if (plan->reason[0] != '\0') {
        (void)fprintf(out, "note: %s\n", plan->reason);
    }
    if (plan->may_lose > 0) {
        (void)fprintf(out,
                      "warning: acknowledged writes of %" PRIu32
                      " partition%s may be lost: too many of their owners are removed\n",
                      plan->may_lose, quantity_plural(plan->may_lose));
    }
}
