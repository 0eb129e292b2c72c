/* The oracle: judges every answer a client gets and every object a node holds by the true history.
 *
 *   an object or answer     no dot that was never issued; nothing beside what replaced it (4, 3);
 *                           nothing covered that was neither shown nor replaced by something
 * covered (2, or 3 when it was live in this very holding before) a holding               its
 * context never regresses while the holding lives (2) a read from r owners    sees every write that
 * w confirmed, r + w > N, before it began, or one that replaced it (1), and shows nothing that such
 * a write replaced (1, 4) a write without context replaces every write that was acknowledged before
 * it began a put's or delete's     context covers nothing but the write and what it saw an error
 * that says      "nothing was applied" is followed by no trace of the write
 *
 * Writes confirmed by fewer than the cluster's W are excused when a disk is lost or the layout
 * changes: nobody promises them then. Unknown outcomes may or may not have happened. */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "base/limits.h"
#include "model/object.h"
#include "sim_history.h"
#include "sim_verdict.h"

/* An addition to a counter: see sim_counters.h. */
struct sim_add {
    uint32_t key;
    int64_t delta;
    enum sim_write_state state;
    bool hinted;
    bool excused;
    uint32_t needed;
    uint64_t began, acked; /* how many were acknowledged then */
    uint64_t losses_before;
};

struct sim_oracle {
    struct sim_history history;
    struct sim_verdict *verdict; /* borrowed */
    uint32_t n, r, w;
    uint64_t now_us; /* set by the world */
    bool doubled;    /* frames may be doubled, so a request may be carried out twice */
    uint64_t losses; /* disks lost and layouts changed so far */
    bool unstable;   /* the layout is changing: writes confirmed by fewer than W are excused */
    uint32_t ghosts; /* nodes removed by force that may still serve each other without knowing it;
                        what they alone have answered binds nobody */
    struct sim_add *adds; /* ids are indexes + 1 */
    uint32_t add_count, add_capacity;
    uint64_t adds_acked;
    /* What was judged, for the summary. */
    uint64_t counters_judged;
    uint64_t dots, holdings_judged, reads_judged, reads_strict, sibling_reads, blind_judged;
    uint64_t acked, nothing, unknown, dropped, hinted;
};

/* An answer as a client got it. */
struct sim_reply {
    int code;
    bool has_context;
    struct version_vector context; /* out of the token */
    const struct bytes *values;
    uint32_t value_count;
    uint32_t owners, fallbacks, needed;
};

/* What was true when a read began. */
struct sim_read {
    uint32_t key;
    uint32_t acked_before;
};

/* What is known of the owners of a key. */
struct sim_obliged {
    struct sim_set accounts[LIMIT_REPLICAS]; /* of those that were looked at */
    uint32_t count;
    uint32_t unknown; /* may hold everything */
    uint32_t lost;    /* allowed to hold nothing */
};

void sim_oracle_init(struct sim_oracle *oracle, struct sim_verdict *verdict, uint32_t nodes,
                     uint32_t n, uint32_t r, uint32_t w);
void sim_oracle_deinit(struct sim_oracle *oracle);

/* Values of writes must be unique. value.data NULL is a delete. A write with quorum numbers of its
 * own need not have read from R owners first. Returns the write's id. */
uint32_t sim_oracle_write_begin(struct sim_oracle *oracle, struct bytes key, struct bytes value,
                                bool has_context, bool own_quorum, bool must_fail);
void sim_oracle_write_end(struct sim_oracle *oracle, uint32_t write, const struct sim_reply *reply);

void sim_oracle_read_begin(struct sim_oracle *oracle, struct bytes key, struct sim_read *out);
void sim_oracle_read_end(struct sim_oracle *oracle, const struct sim_read *read,
                         const struct sim_reply *reply);

/* A coordinator gave a dot; its write replaces what `seen` covers. */
void sim_oracle_issued(struct sim_oracle *oracle, struct bytes key, struct dot dot,
                       struct version_vector seen);

/* A tombstone was issued in the place of one sibling, which has expired. */
void sim_oracle_expired(struct sim_oracle *oracle, struct bytes key, struct dot dot,
                        struct dot replaced);

/* A node has dropped a tombstone. From now on it, and all that it replaced, may be missing without
 * anything to show for it, contexts included. */
void sim_oracle_dropped(struct sim_oracle *oracle, struct bytes key, struct dot dot);

/* A node's holding of a key, as it is now; the empty object when there is none. */
void sim_oracle_holding(struct sim_oracle *oracle, uint32_t node, struct bytes key,
                        const struct object *object);

/* The node's holding of the key, as it was last seen, is settled: no crash takes it back. */
void sim_oracle_settled(struct sim_oracle *oracle, uint32_t node, uint32_t key);

/* The node's process has crashed: its holdings may have gone back to what was settled. */
void sim_oracle_crash(struct sim_oracle *oracle, uint32_t node);

/* The node has forgotten: what its holdings held before, or that of one key, doesn't bind them. */
void sim_oracle_forget(struct sim_oracle *oracle, uint32_t node);
void sim_oracle_forget_key(struct sim_oracle *oracle, uint32_t node, uint32_t key);

/* Acknowledged writes of the key were declared as possibly lost. */
void sim_oracle_excuse(struct sim_oracle *oracle, uint32_t key);

/* All dots that a holding accounts for: it has them, or what has replaced them. */
void sim_oracle_accounts(const struct sim_key *key, const struct object *object,
                         struct sim_set *out);

/* These are the owners: is every acknowledged write of the key held by enough of them? */
void sim_oracle_obliged(struct sim_oracle *oracle, uint32_t key, const struct sim_obliged *obliged);

/* All hints have been delivered: what fallbacks helped to confirm binds as if owners had. */
void sim_oracle_delivered(struct sim_oracle *oracle);

/* A disk was lost, or owners are about to change. */
void sim_oracle_loss(struct sim_oracle *oracle);

/* Must the key be in a complete list that begins now; must it be absent? */
bool sim_oracle_must_list(const struct sim_oracle *oracle, uint32_t key, uint32_t acked_before,
                          uint32_t dots_after);
bool sim_oracle_must_not_list(const struct sim_oracle *oracle, uint32_t key, uint32_t acked_before,
                              uint32_t dots_after);

#endif
