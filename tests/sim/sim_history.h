/* What truly happened in a run: every key, every dot that was issued on it, and the set of dots
 * that each write replaced, by itself or through what it replaced. It is the oracle's ground,
 * independent of what nodes later say: a write is known by its value, which no other write has.
 *
 * Sets of a key's dots are bit sets by order of issue. */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include "base/bytes.h"
#include "base/table.h"
#include "model/dot.h"
#include "sim_options.h"

/* Dots that one key may have; the clients move on to a fresh key before. */
#define SIM_DOTS_MAX 1024u
#define SIM_SET_WORDS (SIM_DOTS_MAX / 64u)
#define SIM_KEYS_MAX 256u
/* Dots that may belong to one write: more than one where frames are doubled, or where it was made
 * again for what it had missed. */
#define SIM_WRITE_DOTS_MAX 8u

struct sim_set {
    uint64_t words[SIM_SET_WORDS];
};

enum sim_kind { SIM_KIND_UNKNOWN, SIM_KIND_VALUE, SIM_KIND_TOMBSTONE };

struct sim_dot {
    struct dot dot;
    enum sim_kind kind;
    uint32_t write;   /* that it belongs to; 0: not known, or a tombstone */
    uint32_t node;    /* that gave it, ... */
    uint64_t node_id; /* ... by its id then */
    uint64_t issued_us;
    struct sim_set replaced;
};

struct sim_held {
    bool known;
    struct sim_set covered;
    struct sim_set live;
};

struct sim_key {
    uint8_t *name; /* owned */
    size_t name_len;
    struct sim_dot *dots; /* SIM_DOTS_MAX of them */
    uint32_t dot_count;
    struct sim_set tombstones;
    struct sim_set gone; /* tombstones that were dropped, and all that they replaced */
    uint32_t *acked;     /* write ids in order of acknowledgement */
    uint32_t acked_count;
    uint32_t acked_capacity;
    /* Of each node. */
    struct sim_held *held;    /* as its holding was last seen */
    struct sim_held *settled; /* the same, when its engine last was settled */
};

enum sim_write_state { SIM_WRITE_PENDING, SIM_WRITE_ACKED, SIM_WRITE_NONE, SIM_WRITE_UNKNOWN };

struct sim_write {
    uint32_t key;
    enum sim_write_state state;
    bool is_delete;
    bool has_context;
    bool own_quorum;     /* asked with quorum numbers of its own */
    bool must_fail;      /* carries a token that must be refused */
    uint64_t expires_us; /* may be hidden from then on; 0: never */
    bool hinted;         /* confirmed by W with the help of fallbacks */
    bool excused;        /* confirmed by fewer than W when a disk or a layout went */
    uint64_t acked_us;
    uint32_t needed;       /* confirmations, once acknowledged */
    uint32_t acked_before; /* how many of the key's acknowledged writes were so at its submission */
    uint32_t dots_before;
    uint64_t losses_before;
    uint32_t dots[SIM_WRITE_DOTS_MAX]; /* indexes into the key's */
    uint32_t dot_count;
};

struct sim_history {
    uint32_t node_count;
    struct sim_key keys[SIM_KEYS_MAX];
    uint32_t key_count;
    struct sim_write *writes; /* ids are indexes + 1 */
    uint32_t write_count;
    uint32_t write_capacity;
    struct table by_value; /* hash of the value -> (void *) write id */
};

void sim_history_init(struct sim_history *history, uint32_t nodes);
void sim_history_deinit(struct sim_history *history);

/* The key's index, added when new. */
uint32_t sim_history_key(struct sim_history *history, struct bytes name);

/* -1 when the dot was never issued for the key. */
int sim_history_dot(const struct sim_key *key, struct dot dot);

/* A new write; value's data is NULL for a delete. Returns its id, from 1. */
uint32_t sim_history_write(struct sim_history *history, uint32_t key, struct bytes value);

struct sim_write *sim_history_get(struct sim_history *history, uint32_t write);

/* The write that has this value; 0 when none has. */
uint32_t sim_history_by_value(const struct sim_history *history, struct bytes value);

/* ---- sets ---- */

static inline void sim_set_add(struct sim_set *set, uint32_t index)
{
    set->words[index / 64] |= UINT64_C(1) << (index % 64);
}

static inline bool sim_set_has(const struct sim_set *set, uint32_t index)
{
    return (set->words[index / 64] >> (index % 64) & 1) != 0;
}

static inline void sim_set_unite(struct sim_set *into, const struct sim_set *from)
{
    for (uint32_t i = 0; i < SIM_SET_WORDS; i++) {
        into->words[i] |= from->words[i];
    }
}

/* The lowest index that is in a and in none of b; -1 when there is none. */
int sim_set_first_outside(const struct sim_set *a, const struct sim_set *b);

/* The lowest index that is in both; -1 when there is none. */
int sim_set_first_common(const struct sim_set *a, const struct sim_set *b);

/* The key's dots that a context covers. */
void sim_history_covered(const struct sim_key *key, struct version_vector context,
                         struct sim_set *out);

/* All that the dots of a set replaced, itself or through others; the set is not included. */
void sim_history_replaced(const struct sim_key *key, const struct sim_set *set,
                          struct sim_set *out);

#endif
