/* A plan as the public struct: what a change of membership moves. */
#include "ring/public.h"
#include "shoal/error.h"

static const struct shoal_plan_node *show_rows(struct arena *arena, const struct plan_row *rows,
                                               uint32_t count)
{
    struct shoal_plan_node *shown = arena_alloc_array(arena, count + 1u, sizeof(*shown));
    for (uint32_t i = 0; i < count && shown != NULL; i++) {
        const struct plan_row *row = &rows[i];
        shown[i] = (struct shoal_plan_node){
            .id = row->node,
            .name = public_text(arena, row->name),
            .zone = public_text(arena, row->zone),
            .change = change_kind_text(row->kind),
            .weight = row->weight,
            .partitions_before = row->partitions_before,
            .partitions_after = row->partitions_after,
            .partitions_in = row->partitions_in,
            .bytes_in = row->bytes_in,
        };
        if (shown[i].name == NULL || shown[i].zone == NULL) {
            return NULL;
        }
    }
    return shown;
}

int public_plan(struct arena *arena, const struct message_change_reply *reply,
                struct shoal_plan *out)
{
    struct shoal_plan shown = {
        .changes = reply->changes,
        .committed = reply->committed,
        .version_before = reply->version_before,
        .version_after = reply->version_after,
        .partitions = reply->partitions,
        .replicas_before = reply->replicas_before,
        .replicas_after = reply->replicas_after,
        .moves = reply->moves,
        .moves_least = reply->moves_least,
        .zones_before = reply->zones_before,
        .zones_after = reply->zones_after,
        .share_excess_before = reply->share_excess_before_milli / 1000.0,
        .share_excess_after = reply->share_excess_after_milli / 1000.0,
        .may_lose = reply->may_lose,
        .bytes_in = reply->bytes_in,
        .reason = public_text(arena, reply->reason),
        .text = public_text(arena, reply->text),
        .nodes = show_rows(arena, reply->rows, reply->count),
        .node_count = reply->count,
    };
    if (shown.reason == NULL || shown.text == NULL || shown.nodes == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = shown;
    return 0;
}
