/* Views for tests: facts and roles in a line, and a few nodes that stage, commit, mark, drop and
 * join at random, whether the rules of trackers would let them or not: what is tested on these are
 * the views' own laws, which hold whatever nodes do. */
#ifndef SUPPORT_RING_HISTORY_H
#define SUPPORT_RING_HISTORY_H

#include "base/random.h"
#include "ring/view.h"

#define RING_HISTORY_NODES 4u /* those that hold a view */
#define RING_HISTORY_IDS 9u   /* those that roles may speak of: 1 to this */

struct cluster_facts ring_facts(uint32_t partitions, uint32_t n, uint32_t r, uint32_t w);

/* Named after its id, of weight 1, in zone "a", asked for by itself. */
struct role ring_role(uint64_t node, enum role_kind kind);

/* A view of these facts founded by node 1, and a commit of one role on it. The old view is let go.
 */
struct view *ring_view(const struct cluster_facts *facts);
struct view *ring_view_commit(struct view *view, const struct role *role);
/* The view with nodes 1 to `count` as members in one layout, synced by all. */
struct view *ring_view_of(const struct cluster_facts *facts, uint32_t count);

/* What a step did. */
enum ring_step {
    RING_ASK,
    RING_COMMIT,
    RING_UNSTAGE,
    RING_CANCEL,
    RING_MARKS,
    RING_DROP,
    RING_JOIN,
    RING_STEPS,
};

struct ring_history {
    struct view *views[RING_HISTORY_NODES];
    enum ring_step last; /* step */
    uint32_t at;         /* whose */
};

void ring_history_init(struct ring_history *history, struct random *random);
void ring_history_deinit(struct ring_history *history);

/* One step at a random node; tells whether its view and the next obey `grows`: the join of both is
 * the next. */
bool ring_history_step(struct ring_history *history, struct random *random);

#endif
