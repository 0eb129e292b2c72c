/* A page of what lies in some nodes: the engine is surveyed range by range, then what it could not
 * tell is read. See listing.h. */
#include "repair/listing.h"

#include "shoal/error.h"

#include <stdlib.h>

struct lister {
    struct replica *replica;
    const struct listing_part *part;
    struct sync_entry *items; /* surveyed; a counter of 0: must be read */
    uint32_t item_count;
    uint32_t item_capacity;
    uint32_t reads;
    struct sync_entry *entries; /* the page */
    uint32_t count;
    uint32_t capacity;
    uint64_t last; /* of the range being surveyed */
    bool cut;      /* the page ends before `next` */
    uint64_t next;
    struct sync_entry name; /* of the object being read */
    int error;
};

int sync_entry_compare(const struct sync_entry *a, const struct sync_entry *b)
{
    if (a->position != b->position) {
        return a->position < b->position ? -1 : 1;
    }
    if (a->tag != b->tag) {
        return a->tag < b->tag ? -1 : 1;
    }
    if (a->actor != b->actor) {
        return a->actor < b->actor ? -1 : 1;
    }
    return a->counter == b->counter ? 0 : a->counter < b->counter ? -1 : 1;
}

static int listing_order(const void *a, const void *b)
{
    return sync_entry_compare(a, b);
}

static void listing_cut(struct lister *lister, uint64_t position)
{
    lister->cut = true;
    lister->next = position;
}

/* Room for one more, in the arena: 0 or SHOAL_ENOMEM. */
static int listing_push(struct arena *arena, struct sync_entry **items, uint32_t *count,
                        uint32_t *capacity, const struct sync_entry *item)
{
    if (*count == *capacity) {
        uint32_t grown_capacity = *capacity == 0 ? 64 : *capacity * 2;
        struct sync_entry *grown = arena_alloc_array(arena, grown_capacity, sizeof(*grown));
        if (grown == NULL) {
            return SHOAL_ENOMEM;
        }
        if (*count > 0) {
            memcpy(grown, *items, *count * sizeof(*grown));
        }
        *items = grown;
        *capacity = grown_capacity;
    }
    (*items)[(*count)++] = *item;
    return 0;
}

/* ---- surveying ------------------------------------------------------------------------------- */

static bool listing_full(const struct lister *lister, const struct engine_survey_entry *entry)
{
    bool full = lister->item_count >= LIMIT_SYNC_ENTRIES || lister->reads >= LISTING_READS_MAX;
    return full && lister->items[lister->item_count - 1].position != entry->position;
}

static bool listing_visit(void *self, const struct engine_survey_entry *entry)
{
    struct lister *lister = self;
    if (entry->position > lister->last) {
        return false;
    }
    if (listing_full(lister, entry)) {
        listing_cut(lister, entry->position);
        return false;
    }
    const struct engine_brief *brief = &entry->brief;
    struct sync_entry item = {
        .position = entry->position,
        .tag = engine_survey_tag(&lister->replica->position_secret, entry),
        .actor = brief->simple ? brief->dot.actor : 0,
        .counter = brief->simple ? brief->dot.counter : 0,
    };
    lister->reads += brief->simple ? 0 : 1;
    lister->error = listing_push(lister->replica->arena, &lister->items, &lister->item_count,
                                 &lister->item_capacity, &item);
    return lister->error == 0;
}

static int listing_survey_range(struct lister *lister, uint64_t first, uint64_t last)
{
    struct replica *replica = lister->replica;
    struct engine *engine = replica->engine;
    uint64_t pending_at = 0;
    lister->last = last;
    int result =
        engine->ops->survey(engine, lister->part->partition, first, waiting_ticket(&replica->reads),
                            listing_visit, lister, &pending_at);
    if (lister->error < 0 || result < 0) {
        return lister->error < 0 ? lister->error : result;
    }
    if (result == 2 && pending_at <= last) {
        listing_cut(lister, pending_at);
    }
    return 0;
}

static int listing_survey(struct lister *lister)
{
    const struct listing_part *part = lister->part;
    int result = 0;
    for (uint32_t i = 0; i < part->count && !lister->cut && result == 0; i++) {
        uint64_t first = node_first(part->depth, part->indexes[i]);
        uint64_t last = node_last(part->depth, part->indexes[i]);
        first = first > part->position ? first : part->position;
        last = last < part->until ? last : part->until;
        if (first <= last) {
            result = listing_survey_range(lister, first, last);
        }
    }
    return result;
}

/* ---- reading what the index can't tell ------------------------------------------------------- */

static bool listing_read_visit(void *self, const struct engine_entry *entry)
{
    struct lister *lister = self;
    struct replica *replica = lister->replica;
    if (entry->position != lister->name.position) {
        return false;
    }
    if (replica_key(replica, lister->part->partition, entry->key).tag != lister->name.tag) {
        return true;
    }
    struct object object;
    lister->error = object_decode(replica->arena, entry->record, &object);
    for (uint32_t i = 0; i < object.sibling_count && lister->error == 0; i++) {
        struct sync_entry item = lister->name;
        item.actor = object.siblings[i].dot.actor;
        item.counter = object.siblings[i].dot.counter;
        lister->error = listing_push(replica->arena, &lister->entries, &lister->count,
                                     &lister->capacity, &item);
    }
    return false;
}

/* Adds the siblings of one object. 0, or 1: it must come from the disk first. */
static int listing_read(struct lister *lister, const struct sync_entry *item)
{
    struct replica *replica = lister->replica;
    struct engine *engine = replica->engine;
    uint64_t pending_at = 0;
    lister->name = *item;
    int result =
        engine->ops->walk(engine, lister->part->partition, item->position,
                          waiting_ticket(&replica->reads), listing_read_visit, lister, &pending_at);
    if (lister->error < 0 || result < 0) {
        return lister->error < 0 ? lister->error : result;
    }
    return result == 2 && pending_at == item->position ? 1 : 0;
}

/* Adds all that is at one position, from item `at` on; *out is the first item behind it. Where it
 * can't be told whole, or has no room on the page, the page ends before. */
static int listing_position(struct lister *lister, uint32_t at, uint32_t *out)
{
    uint64_t position = lister->items[at].position;
    uint32_t before = lister->count;
    int result = 0;
    for (; at < lister->item_count && lister->items[at].position == position && result == 0; at++) {
        const struct sync_entry *item = &lister->items[at];
        result = item->counter != 0 ? listing_push(lister->replica->arena, &lister->entries,
                                                   &lister->count, &lister->capacity, item)
                                    : listing_read(lister, item);
    }
    if (result < 0) {
        return result;
    }
    if (result == 1 || (before > 0 && lister->count > LIMIT_SYNC_ENTRIES)) {
        lister->count = before;
        listing_cut(lister, position);
    } else if (lister->count - before > 1) {
        qsort(lister->entries + before, lister->count - before, sizeof(*lister->entries),
              listing_order);
    }
    *out = at;
    return 0;
}

int listing_make(struct replica *replica, const struct listing_part *part, struct listing *out)
{
    struct lister lister = {.replica = replica, .part = part};
    int result = listing_survey(&lister);
    bool surveyed_all = !lister.cut;
    uint64_t surveyed_next = lister.next;
    lister.cut = false;
    for (uint32_t at = 0; at < lister.item_count && !lister.cut && result == 0;) {
        result = listing_position(&lister, at, &at);
    }
    if (result < 0) {
        return result;
    }
    if (!lister.cut && !surveyed_all) {
        listing_cut(&lister, surveyed_next);
    }
    if (lister.cut && lister.count == 0 && lister.next <= part->position) {
        return REPLICA_PENDING;
    }
    *out = (struct listing){
        .entries = lister.entries, .count = lister.count, .end = !lister.cut, .next = lister.next};
    return REPLICA_DONE;
}
