/* A member that can't reach the others looks for them where its seeds say. Nodes may come back at
 * other addresses, all of a cluster at once even (as where an orchestrator hands them out anew):
 * what each remembers of the others is then of no use, and the names in its configuration are all
 * that still leads anywhere. So membership is kept in the node's record, and addresses are found.
 *
 *      a link to every member ------------------------> nothing to do
 *      some are missing    -- every 15 to 30 s -----> ask the next seed
 *      all are missing     -- 1 s, doubled up to 8 s -> ask the next seed
 *
 * The question is ordinary gossip, sent to an address instead of a node: it tells our record with
 * our new address, and the answer brings everybody's. Some are asked for, too, since two parts of a
 * cluster may each have found themselves again, but not each other. */
#include "base/hash.h"
#include "base/log.h"
#include "node/steward_inside.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdio.h>

#define SEEK_SOME_US UINT64_C(15000000)
#define SEEK_ALL_US UINT64_C(1000000)
#define SEEK_ALL_DOUBLINGS 3u

/* How many members there are beside this node, and to how many there is a link. */
static uint32_t count_others(const struct steward *steward, uint32_t *linked)
{
    const struct roles *roles = &steward->view->roles;
    uint32_t others = 0;
    *linked = 0;
    for (uint32_t i = 0; i < roles->count; i++) {
        if (roles->items[i].kind == ROLE_IN && roles->items[i].node != steward->id) {
            others++;
            *linked += reach_linked(&steward->worker->reach, roles->items[i].node);
        }
    }
    return others;
}

static uint64_t pause_us(struct steward *steward, bool all)
{
    struct seek *seek = &steward->seek;
    uint32_t doublings = seek->asked < SEEK_ALL_DOUBLINGS ? seek->asked : SEEK_ALL_DOUBLINGS;
    uint64_t base_us = all ? SEEK_ALL_US << doublings : SEEK_SOME_US;
    return base_us + random_below(&steward->worker->random, base_us);
}

/* The next that isn't this node's own address; false when there is none. */
static bool next_seed(struct steward *steward)
{
    uint32_t count = steward->config->seed_count;
    struct seek *seek = &steward->seek;
    for (uint32_t i = 0; i < count; i++) {
        seek->seed = (seek->seed + 1) % count;
        if (!join_seed_is_self(steward, seek->seed)) {
            return true;
        }
    }
    return false;
}

static void ask(struct steward *steward)
{
    struct worker *worker = steward->worker;
    const struct node_config *config = steward->config;
    struct seek *seek = &steward->seek;
    struct message_gossip told;
    if (!next_seed(steward) || steward_tell(steward, 0, &told) < 0) {
        return;
    }
    told.id = steward->next_id++;
    buffer_clear(&worker->frame);
    if (message_gossip_encode(&told, &worker->frame) == 0) {
        seek->ticket++;
        seek->asked++;
        worker->ports.contact(worker->ports.self, config->seeds[seek->seed].host,
                              config->seeds[seek->seed].port, buffer_bytes(&worker->frame),
                              STEWARD_SEEK_TICKETS + seek->ticket, STEWARD_CONTACT_US);
    }
}

void seek_step(struct steward *steward)
{
    struct seek *seek = &steward->seek;
    uint64_t now_us = steward->worker->now.mono_us;
    uint32_t linked;
    uint32_t others = count_others(steward, &linked);
    if (linked == others || steward->config->seed_count == 0 ||
        view_removed(steward->view, steward->id)) {
        seek->due_us = 0;
        return;
    }
    bool all = linked == 0;
    if (seek->due_us == 0 || all != seek->all) {
        seek->all = all;
        seek->asked = 0;
        seek->due_us = now_us + pause_us(steward, all); /* links take a moment */
    } else if (now_us >= seek->due_us) {
        ask(steward);
        seek->due_us = now_us + pause_us(steward, all);
    }
}

/* Once for each reason, not for each attempt. */
static void report(struct steward *steward, const char *reason)
{
    struct seek *seek = &steward->seek;
    uint64_t told = hash_xxh3(bytes_from_string(reason));
    if (seek->told[seek->seed % STEWARD_SEEDS_TOLD] == told) {
        return;
    }
    seek->told[seek->seed % STEWARD_SEEDS_TOLD] = told;
    const struct node_config *config = steward->config;
    log_warning("seed: does not help to find the others; asked again now and then",
                LOG_TEXT("host", config->seeds[seek->seed].host),
                LOG_U64("port", config->seeds[seek->seed].port), LOG_TEXT("reason", reason));
}

void seek_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload)
{
    struct seek *seek = &steward->seek;
    struct message_gossip_reply reply = {0};
    if (ticket != STEWARD_SEEK_TICKETS + seek->ticket || steward->view == NULL ||
        steward->stopping || seek->seed >= steward->config->seed_count) {
        return;
    }
    if (code == CONTACT_SELF) {
        return;
    }
    char reason[256];
    (void)snprintf(reason, sizeof(reason), "%.*s", (int)(payload.len < 255 ? payload.len : 255),
                   payload.len == 0 ? "" : (const char *)payload.data);
    if (code == 0 && (frame_validate(payload) < 0 ||
                      message_gossip_reply_decode(payload, &steward->worker->arena, &reply) < 0)) {
        code = SHOAL_EPROTO;
        reason[0] = '\0';
    }
    if (code < 0) {
        report(steward, reason[0] == '\0' ? shoal_error_text(code) : reason);
    } else if (reply.code != 0 || reply.gossip.cluster != view_facts(steward->view)->id) {
        report(steward, "a node of another cluster answers there");
    } else {
        log_info("seed: tells where the others are",
                 LOG_TEXT("node", worker_node_name(steward->worker, reply.gossip.from)));
        steward_hear(steward, &reply.gossip);
    }
}
