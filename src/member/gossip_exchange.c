/* What travels. A question shows every heartbeat and, by a digest or one by one, every version; the
 * answer brings the heartbeats that are ahead of those shown, the records of which a newer version
 * is known here, and the names of those of which one is known there, which are then sent. So equal
 * tables cost some four bytes a node, news travel in both directions within one exchange, and
 * nothing needs a memory of who knows what.
 *
 *      ASKS  heartbeats by place, digests of members and versions; versions too if there was news;
 *            or only the digest of members
 *      TELLS members differ: all ids, generations, versions, heartbeats
 *            versions differ, but were not shown: all versions and heartbeats
 *            else: heartbeats that are ahead; records lacking there; names of those lacking here
 *      TELLS the records that the answer named or showed to be lacking; names, if it showed all
 *      TELLS the records named
 *
 * Whole tables in every message were rejected (100 kB a message at 1,000 nodes), and so were lists
 * of what changed lately only (who misses some never hears of it). */
#include "base/hash.h"
#include "base/memory.h"
#include "member/gossip_compare.h"
#include "member/gossip_inside.h"
#include "shoal/error.h"

#include <stdlib.h>
#include <string.h>

/* So long after a record changed, in heartbeats, questions show versions at once: news reach a
 * thousand nodes within less. */
#define NEWS_HEARTBEATS 10u

/* ---- rows ------------------------------------------------------------------------------------ */

static int row_compare(const void *left, const void *right)
{
    uint64_t a = ((const struct gossip_row *)left)->record->id;
    uint64_t b = ((const struct gossip_row *)right)->record->id;
    return a < b ? -1 : a > b;
}

static int rows_make(struct gossip *gossip)
{
    uint32_t most = (uint32_t)gossip->nodes.count + 1;
    if (most > gossip->rows_max) {
        struct gossip_row *rows = mem_alloc(2 * (size_t)most * sizeof(*rows));
        if (rows == NULL) {
            return SHOAL_ENOMEM;
        }
        mem_free(gossip->rows);
        gossip->rows = rows;
        gossip->rows_max = 2 * most;
    }
    gossip->rows[0] = (struct gossip_row){.record = &gossip->self};
    gossip->row_count = 1;
    size_t cursor = 0;
    uint64_t id;
    void *value;
    while (table_next(&gossip->nodes, &cursor, &id, &value)) {
        struct gossip_node *node = value;
        if (!node->fading) {
            gossip->rows[gossip->row_count++] =
                (struct gossip_row){.record = &node->record, .node = node};
        }
    }
    qsort(gossip->rows, gossip->row_count, sizeof(*gossip->rows), row_compare);
    return 0;
}

/* Sums: the order of rows doesn't matter to them, and nothing else needs them to be costlier. */
static int rows_refresh(struct gossip *gossip)
{
    if (gossip->rows_stale) {
        int error = rows_make(gossip);
        if (error != 0) {
            return error;
        }
        gossip->members_digest = 0;
        for (uint32_t i = 0; i < gossip->row_count; i++) {
            const struct node_record *record = gossip->rows[i].record;
            gossip->members_digest += hash_mix(record->id ^ hash_mix(record->generation + 1));
        }
    }
    if (gossip->rows_stale || gossip->versions_stale) {
        gossip->versions_digest = 0;
        for (uint32_t i = 0; i < gossip->row_count; i++) {
            const struct node_record *record = gossip->rows[i].record;
            gossip->versions_digest += hash_mix(record->id ^ hash_mix(record->version + 1));
        }
    }
    gossip->rows_stale = false;
    gossip->versions_stale = false;
    return 0;
}

/* ---- showing --------------------------------------------------------------------------------- */

/* All rows, or those of which `places` has a bit. */
static struct bytes show(const struct gossip *gossip, bool ids, bool versions,
                         const uint8_t *places, struct arena *arena)
{
    struct summary summary = {
        .ids = ids,
        .versions = versions,
        .members_digest = gossip->members_digest,
        .versions_digest = gossip->versions_digest,
        .count = gossip->row_count,
        .entries = arena_alloc_array(arena, gossip->row_count, sizeof(*summary.entries)),
    };
    if (summary.entries == NULL) {
        return (struct bytes){0};
    }
    for (uint32_t i = 0; i < gossip->row_count; i++) {
        const struct node_record *record = gossip->rows[i].record;
        if (places == NULL || (places[i / 8] >> i % 8 & 1) != 0) {
            summary.entries[summary.entry_count++] = (struct summary_entry){
                .place = i,
                .id = record->id,
                .generation = record->generation,
                .version = record->version,
                .heartbeat = record->heartbeat,
            };
        }
    }
    return summary_encode(&summary, arena);
}

/* The own record, with room for more behind it. */
static struct wire_record *own_record(const struct gossip *gossip, uint32_t more,
                                      struct arena *arena)
{
    struct wire_record *records = arena_alloc_array(arena, 1 + (size_t)more, sizeof(*records));
    if (records != NULL) {
        node_record_to_wire(&gossip->self, &records[0]);
    }
    return records;
}

int gossip_records(const struct gossip *gossip, struct arena *arena,
                   const struct wire_record **records, uint32_t *count)
{
    struct wire_record *all = own_record(gossip, (uint32_t)gossip->nodes.count, arena);
    if (all == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t told = 1;
    size_t cursor = 0;
    uint64_t id;
    void *value;
    while (table_next(&gossip->nodes, &cursor, &id, &value)) {
        const struct gossip_node *node = value;
        if (!node->fading) {
            node_record_to_wire(&node->record, &all[told++]);
        }
    }
    *records = all;
    *count = told;
    return 0;
}

/* Shows nobody's versions, as if they were all shown: then they are not asked for. */
static struct bytes show_members(const struct gossip *gossip, struct arena *arena)
{
    size_t bits = (gossip->row_count + 7u) / 8u;
    uint8_t *none = arena_alloc(arena, bits);
    if (none == NULL) {
        return (struct bytes){0};
    }
    memset(none, 0, bits);
    return show(gossip, false, true, none, arena);
}

int gossip_ask(struct gossip *gossip, bool beats, struct arena *arena, struct message_gossip *out)
{
    int error = rows_refresh(gossip);
    if (error != 0) {
        return error;
    }
    bool news = gossip->self.heartbeat < gossip->news_heartbeat + NEWS_HEARTBEATS;
    struct bytes summary =
        beats ? show(gossip, false, news, NULL, arena) : show_members(gossip, arena);
    struct wire_record *own = own_record(gossip, 0, arena);
    if (summary.data == NULL || own == NULL) {
        return SHOAL_ENOMEM;
    }
    out->kind = GOSSIP_ASKS;
    out->summary = summary;
    out->records = own;
    out->count = 1;
    return 0;
}

/* ---- answering ------------------------------------------------------------------------------- */

/* Of many, those from another place each time, so that all get their turn. */
static uint32_t turn_start(const struct gossip *gossip, uint32_t count)
{
    return count <= LIMIT_GOSSIP_RECORDS
               ? 0
               : (uint32_t)(gossip->self.heartbeat * LIMIT_GOSSIP_RECORDS % count);
}

static uint32_t turn_count(uint32_t count)
{
    return count < LIMIT_GOSSIP_RECORDS ? count : LIMIT_GOSSIP_RECORDS;
}

static int answer_wanted(const struct gossip_comparison *comparison, struct arena *arena,
                         struct message_gossip *answer)
{
    uint32_t count = turn_count(comparison->wanted_count);
    uint32_t start = turn_start(comparison->gossip, comparison->wanted_count);
    uint64_t *wanted = arena_alloc_array(arena, (size_t)count + 1, sizeof(*wanted));
    if (wanted == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        wanted[i] = comparison->wanted[(start + i) % comparison->wanted_count];
    }
    answer->wanted = wanted;
    answer->wanted_count = count;
    return 0;
}

/* The own record when `own`, those the other side was seen to lack, and those it has named. */
static int answer_records(const struct gossip_comparison *comparison,
                          const struct message_gossip *told, bool own, struct arena *arena,
                          struct message_gossip *answer)
{
    struct gossip *gossip = comparison->gossip;
    uint32_t lacking = turn_count(comparison->lacking_count);
    uint32_t start = turn_start(gossip, comparison->lacking_count);
    struct wire_record *records = own_record(gossip, lacking + told->wanted_count, arena);
    uint32_t count = own ? 1 : 0;
    if (records == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < lacking; i++) {
        const struct node_record *record =
            comparison->lacking[(start + i) % comparison->lacking_count];
        if (!own || record != &gossip->self) {
            node_record_to_wire(record, &records[count++]);
        }
    }
    for (uint32_t i = 0; i < told->wanted_count; i++) {
        const struct gossip_node *node = table_get(&gossip->nodes, told->wanted[i]);
        if (node != NULL) {
            node_record_to_wire(&node->record, &records[count++]);
        } else if (told->wanted[i] == gossip->self.id && !own) {
            node_record_to_wire(&gossip->self, &records[count++]);
        }
    }
    answer->records = records;
    answer->count = count;
    return 0;
}

/* What a question is answered with besides records; nothing when all is equal. */
static int answer_summary(const struct gossip_comparison *comparison, const struct summary *summary,
                          bool readable, struct arena *arena, struct message_gossip *answer)
{
    const struct gossip *gossip = comparison->gossip;
    if (!readable) {
        answer->summary = show(gossip, true, true, NULL, arena);
    } else if (!summary->versions && summary->versions_digest != gossip->versions_digest) {
        answer->summary = show(gossip, false, true, NULL, arena);
    } else {
        answer->summary = show(gossip, false, false, comparison->ahead, arena);
    }
    return answer->summary.data == NULL ? SHOAL_ENOMEM : 0;
}

/* The table is as it was before what was told: rows are refreshed. */
static int hear_summary(struct gossip *gossip, const struct message_gossip *told,
                        const struct summary *summary, uint64_t now_us, struct arena *arena,
                        struct message_gossip *answer, bool *twin)
{
    bool asks = told->kind == GOSSIP_ASKS;
    bool shown = told->summary.data != NULL;
    bool readable = shown && (summary->ids || (summary->count == gossip->row_count &&
                                               summary->members_digest == gossip->members_digest));
    struct gossip_comparison comparison = {.gossip = gossip, .from = told->from, .now_us = now_us};
    int error = readable ? gossip_compare(&comparison, summary, arena) : 0;
    if (error == 0 && asks && shown) {
        error = answer_summary(&comparison, summary, readable, arena, answer);
    }
    if (error == 0) {
        error = answer_wanted(&comparison, arena, answer);
    }
    if (error == 0) {
        error = answer_records(&comparison, told, asks && shown, arena, answer);
    }
    if (comparison.overtaken) {
        gossip_overtaken(gossip, comparison.overtaken_generation, twin);
    }
    return error;
}

int gossip_hear(struct gossip *gossip, const struct message_gossip *told, uint64_t now_us,
                struct arena *arena, struct message_gossip *answer, bool *twin)
{
    struct summary summary = {0};
    struct message_gossip out = {.kind = GOSSIP_TELLS};
    bool twin_shown = false;
    if (told->wanted_count > LIMIT_GOSSIP_RECORDS) {
        return SHOAL_EPROTO;
    }
    int error = told->summary.data == NULL ? 0 : summary_decode(told->summary, arena, &summary);
    if (error == 0) {
        error = gossip_receive(gossip, told->from, told->records, told->count, now_us, &twin_shown);
    }
    if (error == 0) {
        error = rows_refresh(gossip);
    }
    if (error == 0 && told->kind == GOSSIP_WHOLE) {
        error = gossip_records(gossip, arena, &out.records, &out.count);
    } else if (error == 0) {
        error = hear_summary(gossip, told, &summary, now_us, arena, &out, &twin_shown);
    }
    if (error != 0) {
        return error;
    }
    answer->kind = out.kind;
    answer->summary = out.summary;
    answer->records = out.records;
    answer->count = out.count;
    answer->wanted = out.wanted;
    answer->wanted_count = out.wanted_count;
    *twin = twin_shown;
    return told->kind != GOSSIP_TELLS || out.count > 0 || out.wanted_count > 0 ? 1 : 0;
}
