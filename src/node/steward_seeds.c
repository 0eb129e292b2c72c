/* Joining by the seeds: a node that is in no cluster yet asks them in turn, again and again, for
 * admission. The one that is listed first, and only it, founds the cluster when none of the others
 * is in one or on its way into one; so nodes that are all given the same list, and started in any
 * order, become one cluster. */
#include "base/log.h"
#include "node/steward_inside.h"

#define JOIN_SEED_RETRY_US UINT64_C(500000) /* between rounds of the seeds: at first, ... */
#define JOIN_ROUNDS_A_DOUBLING 8u           /* ... doubled after so many rounds, ... */
#define JOIN_DOUBLINGS 3u                   /* ... so often */
#define JOIN_FOUND_ROUNDS 4u

bool join_seed_is_self(const struct steward *steward, uint32_t seed)
{
    const struct node_config *config = steward->config;
    return config->seeds[seed].port == config->peer_port &&
           strcmp(config->seeds[seed].host, config->advertise_host) == 0;
}

int steward_found(struct steward *steward)
{
    struct worker *worker = steward->worker;
    const struct node_config *config = steward->config;
    struct cluster_facts facts = {
        .id = random_id(&worker->random),
        .partitions = config->partitions,
        .n = config->n,
        .r = config->r,
        .w = config->w,
    };
    memcpy(facts.name, config->cluster_name, sizeof(facts.name));
    for (size_t i = 0; i < sizeof(facts.hash_seed); i += sizeof(uint64_t)) {
        uint64_t part = random_u64(&worker->random);
        memcpy(facts.hash_seed + i, &part, sizeof(part));
    }
    struct role founder;
    steward_role(steward, &founder);
    struct view *view;
    int result = view_found(&facts, &founder, &view);
    if (result == 0) {
        log_info("cluster: founded", LOG_TEXT("name", facts.name), LOG_HEX("id", facts.id));
        steward_replace(steward, view);
    }
    return result;
}

void join_next_seed(struct steward *steward)
{
    struct join *join = &steward->join;
    const struct node_config *config = steward->config;
    while (join->seed < config->seed_count && join_seed_is_self(steward, join->seed)) {
        join->seed++;
    }
    if (join->seed < config->seed_count) {
        memcpy(join->host, config->seeds[join->seed].host, sizeof(join->host));
        join->port = config->seeds[join->seed].port;
        join_contact(steward);
        return;
    }
    /* A round is over and nobody let this node in. */
    join->rounds++;
    join->seed = 0;
    bool founder = join->first_is_self || join_seed_is_self(steward, 0);
    if (founder && !join->other_in_progress && join->rounds >= JOIN_FOUND_ROUNDS) {
        join->by_seeds = false;
        if (steward_found(steward) == 0) {
            return;
        }
        join->by_seeds = true;
    }
    join->other_in_progress = false;
    uint32_t doublings = join->rounds / JOIN_ROUNDS_A_DOUBLING;
    uint64_t pause_us = JOIN_SEED_RETRY_US
                        << (doublings < JOIN_DOUBLINGS ? doublings : JOIN_DOUBLINGS);
    (void)timers_start(&steward->worker->timers, &join->timer,
                       steward->worker->now.mono_us + pause_us +
                           random_below(&steward->worker->random, pause_us));
}

void join_by_seeds(struct steward *steward)
{
    steward->join.by_seeds = true;
    steward->join.seed = 0;
    (void)timers_start(&steward->worker->timers, &steward->join.timer,
                       steward->worker->now.mono_us + 1);
}
