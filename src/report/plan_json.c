/* A plan as JSON; see plan_json.h. */
#include "report/plan_json.h"

#include "report/cluster_json.h"

static json_t *json_of_plan_node(const struct shoal_plan_node *node)
{
    return json_pack("{s:s,s:s,s:i,s:s,s:i,s:i,s:i,s:I,s:o}", "name", node->name, "zone",
                     node->zone, "weight", (int)node->weight, "change", node->change,
                     "partitions_before", (int)node->partitions_before, "partitions_after",
                     (int)node->partitions_after, "partitions_in", (int)node->partitions_in,
                     "bytes_in", (json_int_t)node->bytes_in, "id",
                     node->id == 0 ? json_null() : json_of_id(node->id));
}

static json_t *json_of_pair(json_t *before, json_t *after)
{
    return json_pack("{s:o,s:o}", "before", before, "after", after);
}

static json_t *json_of_numbers(uint32_t before, uint32_t after)
{
    return json_of_pair(json_integer(before), json_integer(after));
}

json_t *json_of_plan(const struct shoal_plan *plan)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < plan->node_count; i++) {
        (void)json_array_append_new(nodes, json_of_plan_node(&plan->nodes[i]));
    }
    json_t *object = json_pack(
        "{s:b,s:b,s:o,s:i,s:o,s:i,s:i,s:I,s:o,s:o,s:i,s:o}", "changes", plan->changes, "committed",
        plan->committed, "layout",
        json_of_pair(json_integer((json_int_t)plan->version_before),
                     json_integer((json_int_t)plan->version_after)),
        "partitions", (int)plan->partitions, "replicas",
        json_of_numbers(plan->replicas_before, plan->replicas_after), "moves", (int)plan->moves,
        "moves_least", (int)plan->moves_least, "bytes_in", (json_int_t)plan->bytes_in, "zones",
        json_of_numbers(plan->zones_before, plan->zones_after), "share_excess",
        json_of_pair(json_real(plan->share_excess_before), json_real(plan->share_excess_after)),
        "may_lose", (int)plan->may_lose, "nodes", nodes);
    if (object != NULL && plan->reason[0] != '\0') {
        (void)json_object_set_new(object, "reason", json_string(plan->reason));
    }
    if (object != NULL && plan->text[0] != '\0') {
        (void)json_object_set_new(object, "text", json_string(plan->text));
    }
    return object;
}
