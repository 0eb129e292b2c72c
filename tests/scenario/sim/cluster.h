/* A cluster in the simulated world, for scenarios that read as scripts: form it, ask of its nodes,
 * break this and that, look. Every step is deterministic. The world's oracle watches all along: a
 * scenario also fails when any promise is broken on the way. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "sim_joins.h"
#include "sim_world.h"

#define SECOND_US UINT64_C(1000000)
#define MILLISECOND_US UINT64_C(1000)
#define ANSWER_VALUES 8u

struct cluster {
    struct sim_world world;
    struct sim_joins joins;
};

/* What a client got. Released by cluster_close. */
struct answer {
    int code;
    uint32_t value_count;
    char values[ANSWER_VALUES][64]; /* in order, winner first */
    uint64_t hlc[ANSWER_VALUES];
    uint8_t token[512];
    size_t token_len; /* 0: none */
    uint32_t owners;
    uint32_t fallbacks;
    uint32_t needed;
    char text[512];
    uint64_t took_us;
    bool orphaned; /* its node crashed: no answer came */
    /* Of a change. */
    bool committed;
    uint32_t may_lose;
};

/* Starts the options' first nodes and waits until they are one settled cluster. */
void cluster_open(struct cluster *cluster, const struct sim_options *options);

/* Makes the world with all nodes down and nobody to start or join them. */
void cluster_open_empty(struct cluster *cluster, const struct sim_options *options);

/* Fails the test if the oracle found anything. */
void cluster_close(struct cluster *cluster);

/* ---- requests; context may be NULL ---- */

struct answer cluster_put(struct cluster *cluster, uint32_t node, const char *key,
                          const char *value, const struct answer *context);
struct answer cluster_get(struct cluster *cluster, uint32_t node, const char *key);
struct answer cluster_delete(struct cluster *cluster, uint32_t node, const char *key,
                             const struct answer *context);
/* With a quorum of its own. */
struct answer cluster_get_from(struct cluster *cluster, uint32_t node, const char *key, int32_t r);
struct answer cluster_join(struct cluster *cluster, uint32_t node, const char *host, uint16_t port);

/* By `at`'s address, and it must be done. */
void cluster_rejoin(struct cluster *cluster, uint32_t node, uint32_t at);

/* An operator asks `node` for a change of the membership; NULL for what it has no need of. */
struct answer cluster_change(struct cluster *cluster, uint32_t node,
                             const struct message_change *change);
/* The most usual ones: it leaves, by its own word; `target` is removed. */
struct answer cluster_leave(struct cluster *cluster, uint32_t node);
struct answer cluster_remove(struct cluster *cluster, uint32_t node, uint32_t target, bool force);

/* Begins a put, to be waited for later. */
struct sim_request *cluster_begin_put(struct cluster *cluster, uint32_t node, const char *key,
                                      const char *value);
struct answer cluster_await(struct cluster *cluster, struct sim_request *request);

/* ---- what happens ---- */

void cluster_run(struct cluster *cluster, uint64_t duration_us);
void cluster_settle(struct cluster *cluster);
void cluster_start(struct cluster *cluster, uint32_t node);
/* ... and it joins by its seeds. */
void cluster_start_joiner(struct cluster *cluster, uint32_t node);
/* Owners are about to change other than by cluster_change, which the oracle has to know. */
void cluster_expect_change(struct cluster *cluster);
/* It dies, and nobody expects it back. */
void cluster_bury(struct cluster *cluster, uint32_t node);
/* Stops the node in good order and waits for the end of its process. */
void cluster_stop(struct cluster *cluster, uint32_t node);
/* Ends it in that way (SIM_EXIT_STOP in good order), starts it again and waits until all is
 * settled. */
void cluster_restart(struct cluster *cluster, uint32_t node, enum sim_exit how);

/* No frame passes between the two any more, and both know it. */
void cluster_part(struct cluster *cluster, uint32_t a, uint32_t b);
/* Frames pass from b to a, none from a to b; nobody is told. */
void cluster_mute(struct cluster *cluster, uint32_t a, uint32_t b);
void cluster_mend(struct cluster *cluster);
/* No frame passes between the nodes of the two sides (a bit each), and all know it. */
void cluster_split(struct cluster *cluster, uint32_t side, uint32_t other_side);

/* ---- what is ---- */

struct sim_node *cluster_node(struct cluster *cluster, uint32_t node);

/* The node's position among the key's owners in the newest layout; -1 when it is none. */
int cluster_owner_position(struct cluster *cluster, uint32_t node, const char *key);

/* "key 0", "key 1", ...; static text per call until the next. */
const char *cluster_key(uint32_t i);

/* A key whose owners begin with this node; static text per call until the next. */
const char *cluster_key_of(struct cluster *cluster, uint32_t first_owner);

/* The dot that was issued last for the key. */
struct dot cluster_last_dot(struct cluster *cluster, const char *key);

/* How many siblings of the key the node holds itself, tombstones included. */
uint32_t cluster_held(struct cluster *cluster, uint32_t node, const char *key);
/* ... of the first `count` keys by the name of cluster_key. */
uint32_t cluster_held_keys(struct cluster *cluster, uint32_t node, uint32_t count);

/* How it stands with the cluster, by its own account. */
enum sim_standing cluster_standing(struct cluster *cluster, uint32_t node);
uint32_t cluster_members(struct cluster *cluster, uint32_t node);
uint32_t cluster_live_layouts(struct cluster *cluster, uint32_t node);

/* ---- assertions ---- */

void assert_values(const struct answer *answer, const char *first, const char *second);

#endif
