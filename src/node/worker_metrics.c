/* The core's metrics: declared once for the node, counted in each worker's own shard. */
#include "node/core.h"
#include "node/steward.h"
#include "shoal/error.h"

/* In the order of the ids below. */
static const struct {
    enum metric_kind kind;
    const char *name;
    const char *help;
} worker_metric_list[] = {
    {METRIC_COUNTER, "shoal_quorum_failures_total",
     "Requests refused because too few owners could be reached; nothing was applied."},
    {METRIC_COUNTER, "shoal_unknown_outcomes_total",
     "Writes whose outcome was reported as unknown."},
    {METRIC_COUNTER, "shoal_hedges_total", "Times another owner was asked as well."},
    {METRIC_COUNTER, "shoal_read_repairs_total", "Objects sent to owners found behind by a read."},
    {METRIC_COUNTER, "shoal_forwards_total", "Requests passed on to the key's coordinator."},
    {METRIC_COUNTER, "shoal_sibling_reads_total", "Reads that found concurrent values."},
    {METRIC_COUNTER, "shoal_rewrites_total",
     "Writes without a context made once more, because owners held what the first had missed."},
    {METRIC_GAUGE, "shoal_engine_keys", "Keys held, deleted ones included."},
    {METRIC_GAUGE, "shoal_engine_bytes", "Bytes of the keys and records held."},
    {METRIC_GAUGE, "shoal_engine_memory_bytes", "Memory that the engines hold, index included."},
    {METRIC_GAUGE, "shoal_engine_disk_bytes", "Bytes that the engines occupy on disk."},
    {METRIC_GAUGE, "shoal_engine_segments", "Files that hold records (engine log)."},
    {METRIC_COUNTER, "shoal_compactions_total",
     "Files rewritten without what was dead in them (engine log)."},
    {METRIC_COUNTER, "shoal_compaction_bytes_total",
     "Bytes written again by compaction (engine log)."},
    {METRIC_GAUGE, "shoal_tombstones",
     "Deleted keys of which it is not known yet that every owner knows of them."},
    {METRIC_GAUGE, "shoal_partitions_held",
     "Partitions held here, also those that another node is to own."},
    {METRIC_COUNTER, "shoal_gossip_rounds_total",
     "Heartbeats at which this node told others what it knows."},
    {METRIC_COUNTER, "shoal_gossip_sent_bytes_total", "Bytes of gossip sent."},
    {METRIC_COUNTER, "shoal_gossip_received_bytes_total", "Bytes of gossip received."},
    {METRIC_COUNTER, "shoal_suspicions_total",
     "Times a node that was well was suspected, or found down."},
    {METRIC_GAUGE, "shoal_engine_waiting", "Questions of peers that wait for this node's disk."},
    {METRIC_GAUGE, "shoal_storage_full", "Workers whose storage refuses writes for lack of space."},
    {METRIC_GAUGE, "shoal_storage_failed",
     "Workers whose storage has failed: they confirm no writes until a restart."},
    {METRIC_GAUGE, "shoal_hints_owed", "Objects kept for owners that could not be reached."},
    {METRIC_GAUGE, "shoal_hints_bytes", "Bytes of the objects kept for others."},
    {METRIC_COUNTER, "shoal_hints_stored_total",
     "Times an object was taken to be kept for others."},
    {METRIC_COUNTER, "shoal_hints_delivered_total",
     "Objects kept for others that every owner has confirmed."},
    {METRIC_COUNTER, "shoal_hints_refused_total",
     "Times an object was not taken for others, for lack of room (limits.hints_mb)."},
    {METRIC_COUNTER, "shoal_sync_comparisons_total",
     "Times this node and a peer compared all that they share."},
    {METRIC_COUNTER, "shoal_syncs_total", "Partitions synced from a peer."},
    {METRIC_COUNTER, "shoal_sync_failures_total",
     "Syncs that broke off; they are begun again, and what they moved is not moved again."},
    {METRIC_COUNTER, "shoal_sync_objects_total", "Objects that syncs brought here."},
    {METRIC_COUNTER, "shoal_sync_bytes_total", "Bytes of the answers that syncs brought here."},
    {METRIC_COUNTER, "shoal_sync_repairs_total",
     "Objects of which syncs changed anything here: none while nothing is wrong."},
    {METRIC_COUNTER, "shoal_tombstones_dropped_total",
     "Deleted keys forgotten, because every owner knows of them."},
    {METRIC_COUNTER, "shoal_actors_closed_total",
     "Times that what a holding left behind when it ended was known to be complete."},
    {METRIC_COUNTER, "shoal_closing_questions_total",
     "Questions to members about holdings that seem to have ended."},
    {METRIC_GAUGE, "shoal_partitions_releasing",
     "Partitions held here that the newest layout has elsewhere."},
    {METRIC_COUNTER, "shoal_partitions_released_total",
     "Partitions let go, because every owner has taken what it lacked."},
    {METRIC_COUNTER, "shoal_release_questions_total",
     "Questions to owners to take what is let go of."},
    {METRIC_COUNTER, "shoal_slow_requests_total",
     "Requests, of clients and peers, that took longer than log.slow_ms."},
    {METRIC_COUNTER, "shoal_feed_events_total",
     "Changes coordinated here that were put into the live feed."},
    {METRIC_GAUGE, "shoal_feed_tail_bytes", "Bytes of events that the live feed can still tell."},
    {METRIC_GAUGE, "shoal_feed_tail_failed",
     "Workers whose live feed is kept in memory alone because the disk fails."},
};

#define WORKER_METRICS (sizeof(worker_metric_list) / sizeof(worker_metric_list[0]))

int worker_declare_metrics(struct metrics *metrics)
{
    for (size_t i = 0; i < WORKER_METRICS; i++) {
        metric_id id;
        int result =
            metrics_declare(metrics, worker_metric_list[i].kind, worker_metric_list[i].name, NULL,
                            worker_metric_list[i].help, &id);
        if (result < 0 && result != SHOAL_ECONFLICT) {
            return result;
        }
    }
    return 0;
}

void worker_find_metrics(struct worker *worker)
{
    struct coordinator_metrics *found = &worker->coordinator.metrics;
    struct worker_metrics *own = &worker->own_metrics;
    *found = (struct coordinator_metrics){.shard = worker->index};
    metric_id *ids[WORKER_METRICS] = {&found->quorum_failures,
                                      &found->unknowns,
                                      &found->hedges,
                                      &found->read_repairs,
                                      &found->forwards,
                                      &found->siblings,
                                      &found->rewrites,
                                      &own->keys,
                                      &own->bytes,
                                      &own->memory_bytes,
                                      &own->disk_bytes,
                                      &own->segments,
                                      &own->compactions,
                                      &own->compaction_bytes,
                                      &own->tombstones_held,
                                      &own->partitions_held,
                                      &own->gossip_rounds,
                                      &own->gossip_sent_bytes,
                                      &own->gossip_received_bytes,
                                      &own->suspicions,
                                      &own->waiting,
                                      &own->full,
                                      &own->failed,
                                      &own->hints_owed,
                                      &own->hints_bytes,
                                      &own->hints_stored,
                                      &own->hints_delivered,
                                      &own->hints_refused,
                                      &own->comparisons,
                                      &own->syncs,
                                      &own->sync_failures,
                                      &own->sync_objects,
                                      &own->sync_bytes,
                                      &own->sync_repairs,
                                      &own->tombstones,
                                      &own->actors_closed,
                                      &own->closing_questions,
                                      &own->releasing,
                                      &own->released,
                                      &own->release_questions,
                                      &own->slow,
                                      &own->feed_events,
                                      &own->feed_bytes,
                                      &own->feed_failed};
    if (worker->metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < WORKER_METRICS; i++) {
        if (metrics_find(worker->metrics, worker_metric_list[i].name, NULL, ids[i]) < 0) {
            return; /* not declared: nothing is counted */
        }
    }
    found->registry = worker->metrics;
    own->registry = worker->metrics;
}

/* What the steward has counted, by worker 0. */
static struct steward_counts worker_steward_counts(const struct worker *worker)
{
    return worker->steward == NULL ? (struct steward_counts){0} : *steward_counts(worker->steward);
}

/* What happened since the last time. */
static void worker_count(struct worker *worker, const struct engine_stats *stats)
{
    struct worker_metrics *own = &worker->own_metrics;
    const struct sync_counts *syncs = &worker->syncs.counts;
    struct worker_counted *counted = &own->counted;
    const struct steward_counts steward = worker_steward_counts(worker);
    struct tail_stats feed;
    feed_lane_stats(worker, &feed);
    const struct {
        metric_id id;
        uint64_t *counted;
        uint64_t now;
    } counters[] = {
        {own->hints_stored, &counted->stored, worker->hints.stored},
        {own->hints_delivered, &counted->delivered, worker->delivery.delivered},
        {own->hints_refused, &counted->refused, worker->hints.refused},
        {own->comparisons, &counted->comparisons, worker->anti_entropy.compared},
        {own->syncs, &counted->syncs, syncs->completed},
        {own->sync_failures, &counted->sync_failures, syncs->failed},
        {own->sync_objects, &counted->sync_objects, syncs->objects},
        {own->sync_bytes, &counted->sync_bytes, syncs->bytes},
        {own->sync_repairs, &counted->sync_repairs, syncs->repairs},
        {own->tombstones, &counted->tombstones, worker->replica.tombstones_dropped},
        {own->actors_closed, &counted->actors_closed, worker->closing.counts.closed},
        {own->closing_questions, &counted->closing_questions, worker->closing.counts.questions},
        {own->compactions, &counted->compactions, stats->compacted},
        {own->compaction_bytes, &counted->compaction_bytes, stats->moved_bytes},
        {own->gossip_rounds, &counted->gossip_rounds, steward.rounds},
        {own->gossip_sent_bytes, &counted->gossip_sent_bytes, steward.sent_bytes},
        {own->gossip_received_bytes, &counted->gossip_received_bytes, steward.received_bytes},
        {own->suspicions, &counted->suspicions, steward.suspicions},
        {own->released, &counted->released, worker->release.counts.released},
        {own->release_questions, &counted->release_questions, worker->release.counts.questions},
        {own->feed_events, &counted->feed_events, feed.events},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        metrics_add(own->registry, worker->index, counters[i].id,
                    counters[i].now - *counters[i].counted);
        *counters[i].counted = counters[i].now;
    }
}

static uint64_t worker_tombstones(const struct worker *worker)
{
    uint64_t sum = 0;
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&worker->replica.holdings, &cursor, &key, &value)) {
        sum += ((const struct holding *)value)->tombstones.count;
    }
    return sum;
}

void worker_measure(struct worker *worker)
{
    const struct worker_metrics *own = &worker->own_metrics;
    if (own->registry == NULL) {
        return;
    }
    struct engine_stats stats;
    replica_stats(&worker->replica, &stats);
    uint32_t storage = worker_own_storage(worker);
    struct tail_stats feed;
    feed_lane_stats(worker, &feed);
    const struct {
        metric_id id;
        uint64_t value;
    } gauges[] = {
        {own->keys, stats.keys},
        {own->bytes, stats.bytes},
        {own->memory_bytes, stats.memory_bytes},
        {own->disk_bytes, stats.disk_bytes},
        {own->segments, stats.segments},
        {own->tombstones_held, worker_tombstones(worker)},
        {own->partitions_held, worker->replica.holdings.count},
        {own->waiting, worker->parking.count},
        {own->full, storage == NODE_STORAGE_FULL ? 1 : 0},
        {own->failed, storage == NODE_STORAGE_FAILED ? 1 : 0},
        {own->hints_owed, worker->hints.keys},
        {own->hints_bytes, worker->hints.bytes},
        {own->releasing, worker_releasing(worker)},
        {own->feed_bytes, feed.bytes_kept},
        {own->feed_failed, feed.failed ? 1 : 0},
    };
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        metrics_set(own->registry, worker->index, gauges[i].id, gauges[i].value);
    }
    worker_count(worker, &stats);
}
