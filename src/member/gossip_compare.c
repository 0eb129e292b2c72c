/* Walks over the summary and the table side by side, by ids or, where the members are the same, by
 * place. See gossip_compare.h. */
#include "member/gossip_compare.h"

#include "member/gossip_inside.h"
#include "shoal/error.h"

#include <string.h>

static void compare_self(struct gossip_comparison *comparison, const struct summary_entry *entry)
{
    const struct node_record *own = &comparison->gossip->self;
    bool same = entry->generation == own->generation;
    bool newer = comparison->versions && entry->version > own->version;
    if (entry->generation > own->generation ||
        (same && (newer || entry->heartbeat > own->heartbeat))) {
        comparison->overtaken = true;
        comparison->overtaken_generation = entry->generation;
    }
}

static void compare_heartbeats(struct gossip_comparison *comparison, uint32_t place,
                               const struct summary_entry *entry)
{
    const struct gossip_row *row = &comparison->gossip->rows[place];
    if (entry->heartbeat < row->record->heartbeat) {
        comparison->ahead[place / 8] |= (uint8_t)(1u << place % 8);
    } else if (entry->heartbeat > row->record->heartbeat && row->node != NULL) {
        gossip_node_beat(comparison->gossip, row->node, entry->heartbeat,
                         row->record->id == comparison->from, comparison->now_us);
    }
}

static void compare_entry(struct gossip_comparison *comparison, uint32_t place,
                          const struct summary_entry *entry)
{
    const struct gossip_row *row = &comparison->gossip->rows[place];
    const struct node_record *record = row->record;
    if (row->node == NULL) {
        compare_self(comparison, entry);
    }
    bool same = entry->generation == record->generation;
    bool older_version = comparison->versions && entry->version < record->version;
    bool newer_version = comparison->versions && entry->version > record->version;
    if (entry->generation < record->generation || (same && older_version)) {
        comparison->lacking[comparison->lacking_count++] = record;
    } else if (row->node != NULL &&
               (entry->generation > record->generation || (same && newer_version))) {
        comparison->wanted[comparison->wanted_count++] = record->id;
    }
    if (same) {
        compare_heartbeats(comparison, place, entry);
    }
}

/* Of a node that is not worth telling of here: it may be fading, and then only what is beyond that
 * is wanted. */
static void compare_unknown(struct gossip_comparison *comparison, const struct summary_entry *entry)
{
    const struct gossip_node *node = table_get(&comparison->gossip->nodes, entry->id);
    bool known = node != NULL && (entry->generation < node->record.generation ||
                                  (entry->generation == node->record.generation &&
                                   entry->heartbeat <= node->record.heartbeat));
    if (!known) {
        comparison->wanted[comparison->wanted_count++] = entry->id;
    }
}

static void compare_by_ids(struct gossip_comparison *comparison, const struct summary *summary)
{
    const struct gossip_row *rows = comparison->gossip->rows;
    const struct summary_entry *entries = summary->entries;
    uint32_t row_count = comparison->gossip->row_count;
    uint32_t place = 0;
    uint32_t i = 0;
    while (place < row_count || i < summary->entry_count) {
        bool rows_end = place == row_count;
        bool entries_end = i == summary->entry_count;
        if (rows_end || (!entries_end && entries[i].id < rows[place].record->id)) {
            compare_unknown(comparison, &entries[i++]);
        } else if (entries_end || rows[place].record->id < entries[i].id) {
            comparison->lacking[comparison->lacking_count++] = rows[place++].record;
        } else {
            compare_entry(comparison, place++, &entries[i++]);
        }
    }
}

static void compare_by_place(struct gossip_comparison *comparison, const struct summary *summary)
{
    for (uint32_t i = 0; i < summary->entry_count; i++) {
        struct summary_entry entry = summary->entries[i];
        entry.generation = comparison->gossip->rows[entry.place].record->generation;
        compare_entry(comparison, entry.place, &entry);
    }
}

int gossip_compare(struct gossip_comparison *comparison, const struct summary *summary,
                   struct arena *arena)
{
    uint32_t rows = comparison->gossip->row_count;
    size_t bits = (rows + 7u) / 8u;
    comparison->versions = summary->versions;
    comparison->lacking = arena_alloc_array(arena, rows, sizeof(struct node_record *));
    comparison->wanted =
        arena_alloc_array(arena, (size_t)summary->entry_count + 1, sizeof(*comparison->wanted));
    comparison->ahead = arena_alloc(arena, bits);
    if (comparison->lacking == NULL || comparison->wanted == NULL || comparison->ahead == NULL) {
        return SHOAL_ENOMEM;
    }
    memset(comparison->ahead, 0, bits);
    if (summary->ids) {
        compare_by_ids(comparison, summary);
    } else {
        compare_by_place(comparison, summary);
    }
    return 0;
}
