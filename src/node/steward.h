/* The steward: the one place of a node that decides membership and layout. It lives on worker 0,
 * gossips, joins views, keeps them durable before they are acted on or told, and publishes
 * immutable snapshots to the workers.
 *
 *      what is heard --join--> wanted view --keep--> durable view --publish--> snapshot --> workers
 *                                                                               |
 *                  marks <-- tracker <-- "all my requests know it", "all synced" <-+
 */
#ifndef NODE_STEWARD_H
#define NODE_STEWARD_H

#include "node/core.h"

/* `kept` is the node's own record of an earlier run, or empty. 0, SHOAL_EPROTO, SHOAL_EINVAL (of a
 * cluster of another name, or other facts), SHOAL_ENOMEM. */
int steward_new(struct worker *worker, struct bytes kept, struct steward **out);
void steward_free(struct steward *steward);

void steward_start(struct steward *steward);

/* Frames and answers of gossip, admission and goodbye. */
void steward_on_gossip(struct steward *steward, struct source source,
                       const struct message_gossip *gossip);
void steward_on_gossip_reply(struct steward *steward, uint64_t node,
                             const struct message_gossip_reply *reply);
void steward_on_admit(struct steward *steward, struct source source,
                      const struct message_admit *admit);
void steward_on_invite(struct steward *steward, const struct message_invite *invite);
/* A member that is to be replaced by this node tells it to join, staged. */
void steward_on_told_to_join(struct steward *steward, struct source source,
                             const struct message_join *join);
void steward_on_goodbye(struct steward *steward, const struct message_goodbye *goodbye);
void steward_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload);
void steward_on_kept(struct steward *steward, uint64_t sequence, int code);

/* Somebody else answers at the address of this member. */
void steward_on_stranger(struct steward *steward, uint64_t node);

/* From the workers. */
void steward_on_view(struct steward *steward, uint32_t from, uint64_t ticket, struct bytes view);
void steward_on_tally(struct steward *steward, uint32_t from, const struct worker_tally *tally,
                      bool adopted);
void steward_on_synced(struct steward *steward, uint32_t from, const struct content_hash *target);

/* An operator's join-cluster: the request completes when the cluster knows of this node. */
void steward_join(struct steward *steward, struct request *request);

/* An operator's change of membership: leave, remove, replace, set, plan, commit, cancel. Completes
 * with the plan when it is durable here, and another member knows of it where one can be reached.
 */
void steward_change(struct steward *steward, struct request *request);

/* Tells the peers that this node stops. */
void steward_stop(struct steward *steward);
bool steward_idle(const struct steward *steward);

/* For metrics: so far. */
struct steward_counts {
    uint64_t rounds;         /* heartbeats at which others were told */
    uint64_t sent_bytes;     /* of gossip ... */
    uint64_t received_bytes; /* ... and in return */
    uint64_t suspicions;     /* of nodes that were well */
};
const struct steward_counts *steward_counts(const struct steward *steward);
/* A frame of gossip has come, so long. */
void steward_count_received(struct steward *steward, size_t bytes);

uint64_t steward_node_id(const struct steward *steward);
uint64_t steward_cluster_id(const struct steward *steward); /* 0 before it is in one */
void steward_check(const struct steward *steward);

#endif
