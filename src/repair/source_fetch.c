/* Objects of a holding, by name or by range, a page at a time. A page ends between positions, and
 * where what comes next must be read from the disk first. See source.h. */
#include "repair/source.h"

#include "base/mutant.h"
#include "shoal/error.h"

struct gatherer {
    struct replica *replica;
    uint32_t partition;
    uint64_t bytes_max;
    uint64_t until;
    bool by_tag; /* only this one */
    uint16_t tag;
    struct scan_entry *entries;
    uint32_t count;
    uint32_t capacity;
    uint64_t bytes;
    bool cut; /* the page ends before `next` */
    uint64_t next;
    int error;
};

static bool gather_full(const struct gatherer *gatherer)
{
    return gatherer->count >= LIMIT_PAGE_KEYS || gatherer->bytes >= gatherer->bytes_max;
}

static int gather_add(struct gatherer *gatherer, const struct engine_entry *entry)
{
    if (gatherer->count == gatherer->capacity) {
        uint32_t capacity = gatherer->capacity == 0 ? 64 : gatherer->capacity * 2;
        struct scan_entry *grown =
            arena_alloc_array(gatherer->replica->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            return SHOAL_ENOMEM;
        }
        if (gatherer->count > 0) {
            memcpy(grown, gatherer->entries, gatherer->count * sizeof(*grown));
        }
        gatherer->entries = grown;
        gatherer->capacity = capacity;
    }
    struct scan_entry *added = &gatherer->entries[gatherer->count];
    *added = (struct scan_entry){
        .position = entry->position, .key = entry->key, .object = entry->record};
    if (gatherer->by_tag) { /* lent for this walk only: another follows */
        added->key = arena_copy(gatherer->replica->arena, entry->key);
        added->object = arena_copy(gatherer->replica->arena, entry->record);
        if (added->key.data == NULL || added->object.data == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    gatherer->count++;
    gatherer->bytes += entry->key.len + entry->record.len;
    return 0;
}

static bool gather_visit(void *self, const struct engine_entry *entry)
{
    struct gatherer *gatherer = self;
    if (entry->position > gatherer->until) {
        return false;
    }
    bool begins =
        gatherer->count == 0 || gatherer->entries[gatherer->count - 1].position != entry->position;
    if (gatherer->count > 0 && begins && gather_full(gatherer)) {
        gatherer->cut = true;
        gatherer->next = entry->position;
        return false;
    }
    if (gatherer->by_tag &&
        replica_key(gatherer->replica, gatherer->partition, entry->key).tag != gatherer->tag) {
        return true;
    }
    gatherer->error = gather_add(gatherer, entry);
    return gatherer->error == 0;
}

/* From `position` to gatherer->until. */
static int gather_walk(struct gatherer *gatherer, uint64_t position)
{
    struct replica *replica = gatherer->replica;
    struct engine *engine = replica->engine;
    uint64_t pending_at = 0;
    int result =
        engine->ops->walk(engine, gatherer->partition, position, waiting_ticket(&replica->reads),
                          gather_visit, gatherer, &pending_at);
    if (gatherer->error < 0 || result < 0) {
        return gatherer->error < 0 ? gatherer->error : result;
    }
    if (result == 2 && pending_at <= gatherer->until && !gatherer->cut) {
        while (gatherer->count > 0 &&
               gatherer->entries[gatherer->count - 1].position >= pending_at) {
            gatherer->count--; /* some of one position were there, and some not */
        }
        gatherer->cut = true;
        gatherer->next = pending_at;
    }
    return 0;
}

static int gather_names(struct gatherer *gatherer, const struct message_sync_fetch *ask)
{
    int result = 0;
    gatherer->by_tag = true;
    for (uint32_t i = 0; i < ask->count && !gatherer->cut && result == 0; i++) {
        uint64_t position = ask->names[i].position;
        bool begins = i == 0 || ask->names[i - 1].position != position;
        if (i > 0 && ask->names[i - 1].position > position) {
            return SHOAL_EINVAL;
        }
        if (i > 0 && begins && gather_full(gatherer)) {
            gatherer->cut = true;
            gatherer->next = position;
            break;
        }
        gatherer->until = position;
        gatherer->tag = ask->names[i].tag;
        result = gather_walk(gatherer, position);
    }
    return result;
}

int source_fetch(struct replica *replica, const struct message_sync_fetch *ask,
                 struct message_sync_fetched *out)
{
    const struct holding *holding = replica_holding(replica, ask->partition);
    if (holding == NULL || (holding->actor != ask->actor && !MUTANT(source_any_actor))) {
        return holding == NULL ? SHOAL_ENOTOWNER : SHOAL_ECONFLICT;
    }
    struct gatherer gatherer = {
        .replica = replica,
        .partition = ask->partition,
        .bytes_max = ask->bytes_max < LIMIT_PAGE_BYTES ? ask->bytes_max : LIMIT_PAGE_BYTES,
        .until = ask->until,
    };
    int result =
        ask->count > 0 ? gather_names(&gatherer, ask) : gather_walk(&gatherer, ask->position);
    if (result < 0) {
        return result;
    }
    if (holding->actor != ask->actor && !MUTANT(source_any_actor)) {
        return SHOAL_ECONFLICT; /* reading has found damage */
    }
    uint64_t first = ask->count > 0 ? ask->names[0].position : ask->position;
    if (gatherer.cut && gatherer.next <= first) {
        return REPLICA_PENDING;
    }
    out->entries = gatherer.entries;
    out->count = gatherer.count;
    out->end = !gatherer.cut;
    out->next = gatherer.next;
    return REPLICA_DONE;
}
