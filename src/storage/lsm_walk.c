/* Walking a partition: what was accepted and may not be in the database, merged with bunches that
 * were read from it on another thread. A few bunches are kept, so that a walk that was ended and
 * goes on later, or another one close behind, need not read again; a bunch goes when something of
 * its partition is written to the database. */
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/lsm_engine_inside.h"

#define KEPT_BYTES_MAX (1024u * 1024u) /* a bunch with a large record is not kept */

static void bunch_free(struct lsm_bunch *bunch)
{
    queue_remove(&bunch->fetch.link);
    buffer_deinit(&bunch->entries);
    mem_free(bunch);
}

/* ---- bunches that are kept ---- */

/* Somebody may still look at what lies in it: until the end of the turn. */
static void bunch_spend(struct lsm_engine *lsm, struct lsm_bunch *bunch)
{
    queue_push(&lsm->spent_bunches, &bunch->fetch.link);
}

static void bunch_keep(struct lsm_engine *lsm, struct lsm_bunch *bunch)
{
    struct lsm_bunch *last = lsm->bunches[LSM_BUNCHES - 1];
    if (last != NULL) {
        bunch_spend(lsm, last);
    }
    memmove(&lsm->bunches[1], &lsm->bunches[0], (LSM_BUNCHES - 1) * sizeof(lsm->bunches[0]));
    lsm->bunches[0] = bunch;
}

static void bunch_remove(struct lsm_engine *lsm, uint32_t at)
{
    bunch_spend(lsm, lsm->bunches[at]);
    memmove(&lsm->bunches[at], &lsm->bunches[at + 1],
            (LSM_BUNCHES - 1 - at) * sizeof(lsm->bunches[0]));
    lsm->bunches[LSM_BUNCHES - 1] = NULL;
}

void lsm_walk_forget(struct lsm_engine *lsm, uint32_t partition)
{
    for (uint32_t i = LSM_BUNCHES; i-- > 0;) {
        if (lsm->bunches[i] != NULL && lsm->bunches[i]->partition == partition) {
            bunch_remove(lsm, i);
        }
    }
}

void lsm_walk_forget_spent(struct lsm_engine *lsm)
{
    while (!queue_empty(&lsm->spent_bunches)) {
        bunch_free((struct lsm_bunch *)(void *)QUEUE_ITEM(lsm->spent_bunches.next, struct lsm_fetch,
                                                          link));
    }
}

void lsm_walk_free(struct lsm_engine *lsm)
{
    while (lsm->bunches[0] != NULL) {
        bunch_remove(lsm, 0);
    }
    lsm_walk_forget_spent(lsm);
}

static const struct lsm_bunch *bunch_at(const struct lsm_engine *lsm, uint32_t partition,
                                        uint64_t position)
{
    for (uint32_t i = 0; i < LSM_BUNCHES && lsm->bunches[i] != NULL; i++) {
        const struct lsm_bunch *bunch = lsm->bunches[i];
        if (bunch->partition == partition && bunch->from <= position &&
            (bunch->to_end || position < bunch->upto)) {
            return bunch;
        }
    }
    return NULL;
}

/* ---- reading one ---- */

static void bunch_done(struct offload_job *job, bool dropped)
{
    struct lsm_bunch *bunch = (struct lsm_bunch *)(void *)job;
    struct lsm_engine *lsm = bunch->fetch.engine;
    const struct engine_events *events = &lsm->engine.events;
    if (dropped) {
        bunch_free(bunch);
        return;
    }
    uint64_t ticket = bunch->ticket;
    int code = bunch->code;
    if (code == 0 && bunch->wounded) {
        lsm_wound_found(lsm, bunch->partition, bunch->wound_low, bunch->wound_high);
    }
    /* It may have missed batches that are still kept: when they are forgotten, so is it. */
    queue_remove(&bunch->fetch.link);
    if (code == 0) {
        bunch_keep(lsm, bunch);
    } else {
        bunch_spend(lsm, bunch);
    }
    events->ready(events->self, ticket, code);
    if (lsm->bunches[0] == bunch && bunch->entries.len > KEPT_BYTES_MAX) {
        bunch_remove(lsm, 0);
    }
}

static int bunch_begin(struct lsm_engine *lsm, uint32_t partition, uint64_t position,
                       uint64_t ticket)
{
    struct lsm_bunch *bunch = mem_alloc(sizeof(*bunch));
    if (bunch == NULL) {
        return SHOAL_ENOMEM;
    }
    *bunch = (struct lsm_bunch){.fetch = {.job = {.run = lsm_bunch_run, .done = bunch_done},
                                          .engine = lsm,
                                          .written = lsm->written},
                                .partition = partition,
                                .from = position,
                                .ticket = ticket};
    buffer_init(&bunch->entries, 0);
    queue_init(&bunch->fetch.link);
    queue_push(&lsm->in_flight, &bunch->fetch.link);
    lsm->offload.submit(lsm->offload.self, OFFLOAD_READ, &bunch->fetch.job);
    return 2;
}

/* ---- merging ---- */

struct walk {
    const struct lsm_write *write; /* the next of the overlay; NULL: none of the partition */
    struct bytes rest;             /* of the bunch */
    uint64_t upto;                 /* both are complete before it ... */
    bool to_end;                   /* ... or altogether */
};

/* The entry that the rest of the bunch begins with. */
static size_t entry_read(struct bytes rest, struct engine_entry *out)
{
    size_t key_len = load_u32_le(rest.data + 8);
    size_t record_len = load_u32_le(rest.data + 12);
    const uint8_t *key = rest.data + LSM_BUNCH_HEAD_BYTES;
    *out = (struct engine_entry){.position = load_u64_le(rest.data),
                                 .key = bytes_make(key, key_len),
                                 .record = bytes_make(key + key_len, record_len)};
    return LSM_BUNCH_HEAD_BYTES + key_len + record_len;
}

static void rest_advance(struct walk *walk, size_t len)
{
    walk->rest = bytes_make(walk->rest.data + len, walk->rest.len - len);
}

static void write_advance(struct walk *walk, uint32_t partition)
{
    const struct lsm_write *write = walk->write->tower[0];
    walk->write = write != NULL && write->partition == partition ? write : NULL;
}

/* <0: the entry comes first, 0: they are of one key. */
static int compare(const struct engine_entry *entry, const struct lsm_write *write)
{
    if (entry->position != write->position) {
        return entry->position < write->position ? -1 : 1;
    }
    return bytes_compare(entry->key, write->key);
}

/* The next entry of the two, the overlay's before the bunch's of the same key; false at the end. */
static bool walk_next(struct walk *walk, uint32_t partition, struct engine_entry *out)
{
    for (;;) {
        const struct lsm_write *write = walk->write;
        if (write != NULL && !walk->to_end && write->position >= walk->upto) {
            write = NULL;
        }
        size_t len = walk->rest.len > 0 ? entry_read(walk->rest, out) : 0;
        int order = write == NULL ? -1 : len == 0 ? 1 : compare(out, write);
        if (write == NULL && len == 0) {
            return false;
        }
        if (order <= 0) {
            rest_advance(walk, len);
        }
        if (order < 0) {
            return true;
        }
        write_advance(walk, partition);
        if (write->kind == LSM_WRITE_PUT) {
            *out = (struct engine_entry){
                .position = write->position, .key = write->key, .record = write->record};
            return true;
        }
    }
}

/* Without what lies before the position. */
static void walk_begin(struct walk *walk, const struct lsm_bunch *bunch, uint64_t position)
{
    struct engine_entry entry;
    walk->rest = buffer_bytes(&bunch->entries);
    walk->upto = bunch->upto;
    walk->to_end = bunch->to_end;
    while (walk->rest.len > 0) {
        size_t len = entry_read(walk->rest, &entry);
        if (entry.position >= position) {
            return;
        }
        rest_advance(walk, len);
    }
}

int lsm_walk(struct lsm_engine *lsm, uint32_t number, uint64_t position, uint64_t ticket,
             engine_visit visit, void *self, uint64_t *next)
{
    const struct lsm_partition *partition = lsm_partition_of(lsm, number);
    struct walk walk = {.write = lsm_overlay_seek(&lsm->overlay, number, position),
                        .upto = position,
                        .to_end = lsm_hidden(lsm, partition) || partition->keys == 0};
    if (walk.write != NULL && walk.write->partition != number) {
        walk.write = NULL;
    }
    const struct lsm_bunch *bunch = walk.to_end ? NULL : bunch_at(lsm, number, position);
    if (bunch != NULL) {
        walk_begin(&walk, bunch, position);
    }
    struct engine_entry entry;
    while (walk_next(&walk, number, &entry)) {
        if (!visit(self, &entry)) {
            return 1;
        }
    }
    if (walk.to_end) {
        return 0;
    }
    int code = bunch_begin(lsm, number, walk.upto, ticket);
    if (code == 2) {
        *next = walk.upto;
    }
    return code;
}
