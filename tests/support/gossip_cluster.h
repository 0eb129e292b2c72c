/* A whole cluster of gossip tables, and views if wanted, under virtual time over a network that
 * loses, delays, reorders and doubles messages; each is really encoded and decoded, and counted.
 * What a steward does around gossip (asking every heartbeat, following up, pushing news of views)
 * is done here in small; there are no workers and no data. */
#ifndef SUPPORT_GOSSIP_CLUSTER_H
#define SUPPORT_GOSSIP_CLUSTER_H

#include "base/random.h"
#include "base/timers.h"
#include "member/gossip.h"
#include "ring/view.h"

#define GOSSIP_INTERVAL_US UINT64_C(500000)

struct gossip_cluster;
struct gossip_packet;

struct gossip_member {
    struct timer beat;
    struct timer push;
    struct timer sync;
    struct gossip_cluster *cluster;
    struct gossip gossip;
    uint64_t id; /* its place in the cluster plus one */
    uint64_t generation;
    bool alive;
    uint32_t side; /* of a network cut in two; messages reach only one's own */
    uint64_t sent_bytes;
    uint64_t sent_messages;
    uint64_t sent_bytes_max; /* the largest message */
    struct view *view;       /* NULL: the cluster has none */
    uint64_t pushed_us;
    struct content_hash syncing; /* the newest layout, once all have seen it ... */
    uint64_t synced_us;          /* ... and when this member has synced it */
};

struct gossip_cluster {
    struct timers timers;
    struct random random;
    struct arena arena;
    uint64_t now_us;
    double loss;          /* of each message; as many are doubled */
    uint64_t heartbeats;  /* of a member that begins; high ones take more bytes */
    bool counting;        /* keys and bytes of every member change all the time */
    uint64_t sync_us_max; /* how long a member may take to sync a layout */
    uint32_t count;
    struct gossip_member *members;
    struct gossip_packet *in_air;
};

/* `count` members at most; none is there yet. */
void gossip_cluster_init(struct gossip_cluster *cluster, uint32_t count, uint64_t seed,
                         double loss);
/* The first so many begin, and know but the first one's record. */
void gossip_cluster_start(struct gossip_cluster *cluster, uint32_t members);
/* The first `members` of them are members of a layout, which all have. */
void gossip_cluster_lay_out(struct gossip_cluster *cluster, uint32_t partitions, uint32_t members);
void gossip_cluster_stop(struct gossip_cluster *cluster);

void gossip_cluster_run(struct gossip_cluster *cluster, uint64_t duration_us);

/* A new life that knows nothing but the record of one other member; with `told`, all that the other
 * knows, as a node that is admitted. */
void gossip_member_start(struct gossip_member *member, const struct gossip_member *contact,
                         bool told);
void gossip_member_kill(struct gossip_member *member);

/* The member plans a change of layout: another one comes in. */
void gossip_member_admit(struct gossip_member *member, uint64_t id);

#endif
