/* Taking up a snapshot: links to new peers, holdings for partitions that became this worker's,
 * fills for what is not complete, letting go of what is another's now, and every request judged by
 * the new view, so that from here on none of them knows only older layouts. */
#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "node/core.h"
#include "node/feed_hub.h"
#include "node/feed_work.h"
#include "node/steward.h"
#include "shoal/error.h"

static bool adopt_same_cluster(const struct snapshot *a, const struct snapshot *b)
{
    return view_facts(a->view)->id == view_facts(b->view)->id;
}

/* ---- links ---- */

static bool adopt_wants_link(const struct snapshot *snapshot, const struct snapshot_node *node)
{
    return node->record.id != snapshot->self && node->record.peer_port != 0 &&
           node->record.host[0] != '\0' && !view_removed(snapshot->view, node->record.id) &&
           !view_removed(snapshot->view, snapshot->self);
}

static void adopt_links(struct worker *worker, const struct snapshot *before)
{
    const struct snapshot *snapshot = worker->snapshot;
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        if (adopt_wants_link(snapshot, node)) {
            worker->ports.link(worker->ports.self, node->record.id, node->record.host,
                               (uint16_t)node->record.peer_port);
        }
    }
    for (uint32_t i = 0; before != NULL && i < before->node_count; i++) {
        uint64_t id = before->nodes[i].record.id;
        const struct snapshot_node *now = snapshot_find(snapshot, id);
        if (adopt_wants_link(before, &before->nodes[i]) &&
            (now == NULL || !adopt_wants_link(snapshot, now))) {
            worker->ports.unlink(worker->ports.self, id);
        }
    }
}

/* ---- holdings ---- */

void worker_on_began(void *self, const struct holding *holding)
{
    struct worker *worker = self;
    if (holding->refilling) {
        filler_restart(&worker->filler, holding->partition);
        worker->fills_wanted = true;
    }
    if (worker->observer.holding != NULL) {
        worker->observer.holding(worker->observer.self, worker_node_id(worker), holding->partition,
                                 holding->actor, holding->refilling);
    }
}

/* What this node says of the partition counts, or will without another sync. */
static bool adopt_counts(const struct snapshot *snapshot, uint32_t partition)
{
    const struct view *view = snapshot->view;
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (layout_owns(view->live[i].layout, snapshot->self, partition) &&
            (i <= view->read_index || view_marked(view, i, MARK_SYNCED, snapshot->self))) {
            return true;
        }
    }
    return false;
}

/* At the first snapshot of a run a holding goes on if nothing can have been forgotten since the
 * last one, else it begins anew. Later ones come with a newer layout, which is synced; one that
 * counts already could not be begun before, and refills. 0 or SHOAL_ENOMEM. */
static int adopt_begin(struct worker *worker, uint32_t partition, bool first)
{
    const struct snapshot *snapshot = worker->snapshot;
    struct replica *replica = &worker->replica;
    struct holding *holding;
    int result =
        first ? replica_resume(replica, partition, snapshot->returning, &holding)
              : replica_begin(replica, partition, adopt_counts(snapshot, partition), &holding);
    if (result < 0) {
        log_error("partition: can't begin to hold it; it is not served here",
                  LOG_U64("partition", partition), LOG_TEXT("cause", shoal_error_text(result)));
    }
    return result;
}

static void adopt_holdings(struct worker *worker, bool first)
{
    const struct snapshot *snapshot = worker->snapshot;
    uint32_t partitions = view_facts(snapshot->view)->partitions;
    worker->holdings_missing = false;
    for (uint32_t p = worker->index; p < partitions; p += worker->count) {
        bool owns = MUTANT(release_early)
                        ? layout_owns(view_newest(snapshot->view), snapshot->self, p)
                        : view_owns(snapshot->view, snapshot->self, p);
        if (owns && replica_holding(&worker->replica, p) == NULL &&
            adopt_begin(worker, p, first) < 0) {
            worker->holdings_missing = true;
        }
        if (!owns) {
            filler_forget(&worker->filler, p);
            worker_release_want(worker, p);
        }
    }
}

/* Who must have told of what a tombstone hides before it may be dropped: owners by older layouts,
 * too, for reads may go by them, and partitions return to them. */
static void adopt_owners(struct worker *worker)
{
    const struct snapshot *snapshot = worker->snapshot;
    uint32_t partitions = view_facts(snapshot->view)->partitions;
    for (uint32_t p = worker->index; p < partitions; p += worker->count) {
        struct holding *holding = replica_holding(&worker->replica, p);
        struct placement placement;
        if (holding == NULL) {
            continue;
        }
        uint64_t others[LIMIT_REQUEST_TARGETS] = {0};
        uint32_t count = 0;
        if (view_place(snapshot->view, p, &placement) < 0) {
            placement.node_count = 0; /* too many to ask: node 0 tells nothing, so none goes */
            count = 1;
        }
        for (uint32_t i = 0; i < placement.node_count; i++) {
            bool other = placement.nodes[i] != snapshot->self &&
                         !view_removed(snapshot->view, placement.nodes[i]) &&
                         (!MUTANT(drop_newest_owners) ||
                          layout_owns(view_newest(snapshot->view), placement.nodes[i], p));
            others[count] = placement.nodes[i];
            count += other ? 1 : 0;
        }
        (void)replica_set_owners(holding, others, count);
    }
}

/* ---- hints ---- */

static void adopt_drop_hints(struct worker *worker)
{
    struct hints *hints = &worker->hints;
    hint_delivery_forget(&worker->delivery);
    for (uint32_t p = hints->first; p < hints->partitions; p += hints->step) {
        if (hints_pile(hints, p).keys > 0) {
            (void)hints_drop(hints, p);
        }
    }
}

/* What is kept for others is owed to the owners in this view. */
static void adopt_hints(struct worker *worker, bool first)
{
    const struct snapshot *snapshot = worker->snapshot;
    if (first || worker->hints.partitions == 0) {
        int result = hints_begin(&worker->hints, view_facts(snapshot->view)->partitions,
                                 worker->index, worker->count, worker->now.wall_ms);
        if (result < 0) {
            log_error("hints: no memory to begin; none are kept or delivered until the next change",
                      LOG_TEXT("cause", shoal_error_text(result)));
            return;
        }
    }
    hint_delivery_adopt(&worker->delivery, snapshot->view, snapshot->self);
}

/* Another cluster: all that is here of the one before goes, also what a run before has left. */
static void adopt_drop_all(struct worker *worker)
{
    const struct snapshot *before = worker->snapshot;
    uint32_t partitions = view_facts(before->view)->partitions;
    for (uint32_t p = worker->index; p < partitions; p += worker->count) {
        filler_forget(&worker->filler, p);
        if (replica_knows(&worker->replica, p)) {
            (void)replica_drop(&worker->replica, p);
        }
    }
    adopt_drop_hints(worker);
    unit_redo_drop(worker);
    worker_closing_forget(worker);
    release_forget(&worker->release);
    memset(worker->synced, 0, worker->synced_count * sizeof(*worker->synced));
    worker->reported = (struct content_hash){0};
}

/* ---- fills ---- */

/* The layout to be synced: the newest, while older ones are live and this node has not marked it.
 */
static const struct layout *adopt_target(const struct snapshot *snapshot)
{
    const struct view *view = snapshot->view;
    if (view->live_count < 2 ||
        view_marked(view, view->live_count - 1, MARK_SYNCED, snapshot->self)) {
        return NULL;
    }
    return view_newest(view);
}

static void adopt_fills(struct worker *worker)
{
    const struct snapshot *snapshot = worker->snapshot;
    const struct layout *target = adopt_target(snapshot);
    uint32_t partitions = view_facts(snapshot->view)->partitions;
    for (uint32_t p = worker->index; p < partitions; p += worker->count) {
        const struct holding *holding = replica_holding(&worker->replica, p);
        if (holding == NULL || !view_owns(snapshot->view, snapshot->self, p)) {
            continue;
        }
        bool sync = target != NULL && layout_owns(target, snapshot->self, p) &&
                    !content_hash_equal(&worker->synced[p / worker->count], &target->key.hash);
        if ((sync || holding->refilling) &&
            filler_want(&worker->filler, p, sync ? &target->key.hash : NULL) < 0) {
            log_error("partition: no memory to fill it; it stays incomplete",
                      LOG_U64("partition", p));
        }
    }
}

/* Tells the steward once all of this worker's partitions of the target are synced. */
static void adopt_report_synced(struct worker *worker)
{
    const struct snapshot *snapshot = worker->snapshot;
    const struct layout *target = adopt_target(snapshot);
    if (target == NULL || content_hash_equal(&worker->reported, &target->key.hash)) {
        return;
    }
    for (uint32_t p = worker->index; p < target->facts.partitions; p += worker->count) {
        if (layout_owns(target, snapshot->self, p) &&
            !content_hash_equal(&worker->synced[p / worker->count], &target->key.hash)) {
            return;
        }
    }
    struct letter_synced *letter = mem_alloc(sizeof(*letter));
    if (letter == NULL) {
        return; /* the next snapshot tries again */
    }
    letter->target = target->key.hash;
    worker->reported = target->key.hash;
    worker_post(worker, 0, &letter->letter, LETTER_SYNCED);
}

void worker_on_refilled(void *self, uint32_t partition)
{
    struct worker *worker = self;
    struct holding *holding = replica_holding(&worker->replica, partition);
    if (holding != NULL) {
        replica_complete(&worker->replica, holding);
        log_debug("partition: refilled", LOG_U64("partition", partition));
    }
}

void worker_on_synced(void *self, uint32_t partition, const struct content_hash *target)
{
    struct worker *worker = self;
    worker->synced[partition / worker->count] = *target;
    adopt_report_synced(worker);
}

/* ---- telling the steward ---- */

void worker_tally_take(const struct worker *worker, struct worker_tally *out)
{
    struct engine_stats stats;
    replica_stats(&worker->replica, &stats);
    *out = (struct worker_tally){
        .epoch = worker->snapshot == NULL ? 0 : worker->snapshot->epoch,
        .keys = stats.keys,
        .bytes = stats.bytes,
        .hints = worker->hints.keys,
        .pending = filler_pending(&worker->filler),
        .releasing = worker_releasing(worker),
        .storage = worker_own_storage(worker),
        .sync_bytes = worker->syncs.counts.bytes,
        .memory = stats.memory_bytes,
        .ops = worker->ops,
    };
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&worker->replica.holdings, &cursor, &key, &value)) {
        const struct holding *holding = value;
        ASSERT(worker->snapshot != NULL); /* holdings come with snapshots */
        bool owned = view_owns(worker->snapshot->view, worker->snapshot->self, holding->partition);
        out->refilling += holding->refilling && owned ? 1 : 0;
    }
}

void worker_tell(struct worker *worker, uint32_t kind)
{
    worker_measure(worker);
    struct letter_tally *letter = mem_alloc(sizeof(*letter));
    if (letter == NULL) {
        return; /* told again with the next snapshot */
    }
    worker_tally_take(worker, &letter->tally);
    worker_post(worker, 0, &letter->letter, kind);
}

/* ---- the whole ---- */

static void adopt_give(struct worker *worker)
{
    const struct snapshot *snapshot = worker->snapshot;
    struct coordinator *coordinator = &worker->coordinator;
    coordinator->view = snapshot->view;
    coordinator->token_keys = &snapshot->token_keys;
    coordinator->self = snapshot->self;
    coordinator->self_clock_ahead = snapshot->self_clock_ahead;
    coordinator->self_clock_doubtful = snapshot->self_clock_doubtful;
    coordinator->alone = view_alone(snapshot->view, snapshot->self);
    coordinator->included = snapshot->included;
    coordinator->included_count = SNAPSHOT_INCLUDED;
    coordinator->ticket_done = snapshot->tickets[worker->index];
    coordinator->ticket_void = snapshot->tickets_void[worker->index];
    worker_repair_adopt(worker);
    if (worker->hub != NULL) {
        feed_hub_adopt(worker->hub);
    }
    feed_work_adopt(worker->feed);
    worker->replica.position_secret = snapshot->position_secret;
}

/* Has fetched what holdings lack; also of those that began anew since the last time. */
void worker_review_fills(struct worker *worker)
{
    worker->fills_wanted = false;
    adopt_fills(worker);
    filler_review(&worker->filler);
}

void worker_adopt(struct worker *worker, struct snapshot *snapshot)
{
    struct snapshot *before = worker->snapshot;
    bool first = before == NULL;
    if (units_defer(worker, snapshot)) {
        return;
    }
    if (before != NULL && !adopt_same_cluster(before, snapshot)) {
        adopt_drop_all(worker); /* it was empty: nodes with data don't join */
        first = true;
    }
    uint32_t index = worker->index;
    bool moved = first || before->view != snapshot->view ||
                 before->tickets[index] != snapshot->tickets[index] ||
                 before->tickets_void[index] != snapshot->tickets_void[index];
    worker->snapshot = snapshot;
    adopt_give(worker);
    adopt_links(worker, before);
    if (moved || worker->holdings_missing) {
        adopt_holdings(worker, first);
        adopt_owners(worker);
    }
    if (moved || worker->hints.partitions == 0) {
        adopt_hints(worker, first);
    }
    if (moved) {
        coordinator_adopt(&worker->coordinator);
    }
    worker_review_fills(worker);
    release_review(&worker->release);
    adopt_report_synced(worker);
    units_adopt(worker, before == NULL);
    snapshot_unref(before);
    worker_tell(worker, LETTER_ADOPTED);
}
