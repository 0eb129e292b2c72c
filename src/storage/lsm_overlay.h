/* What the lsm engine has accepted and the database may not show yet: the newest write of each key,
 * ordered as the port walks, over batches of all writes in the order in which they came. It is
 * searched before the database.
 *
 *      batch:   filling --(flush)--> writing --(done)--> written --(no read is older)--> forgotten
 *
 * A batch is kept after it is written for as long as reads are on their way that began before: they
 * may have seen the database without it, and the overlay on top makes up for that.
 *
 * The order is a skip list (Pugh, 1990): writes come and go one by one, and no balance is needed.
 */
#ifndef STORAGE_LSM_OVERLAY_H
#define STORAGE_LSM_OVERLAY_H

#include "base/queue.h"
#include "base/random.h"
#include "storage/engine.h"
#include "storage/lsm_keys.h"

#define LSM_OVERLAY_HEIGHT 12u

enum lsm_write_kind {
    LSM_WRITE_PUT,
    LSM_WRITE_REMOVE,
    LSM_WRITE_DROP,
    LSM_WRITE_HOLDING,
};

/* What was there before a write, as far as it is known. */
struct lsm_before {
    bool known;
    bool present;
    bool unreadable; /* perhaps something, perhaps nothing; then not present */
    uint64_t bytes;  /* key and record */
};

struct lsm_write {
    struct queue link; /* in its batch */
    uint8_t kind;      /* enum lsm_write_kind */
    uint8_t height;    /* of the tower */
    bool listed;       /* in the order: the newest of its key */
    uint32_t partition;
    uint64_t position;
    uint64_t batch;     /* number */
    struct bytes place; /* its key in the database, see lsm_keys.h; behind the tower, as all */
    struct bytes key;   /* the end of place */
    struct bytes record;
    struct lsm_before before;
    struct lsm_write *tower[];
};

struct lsm_batch {
    struct queue link;   /* the owner's */
    struct queue writes; /* in order */
    uint64_t number;
    uint64_t sequence; /* of the last write */
    uint64_t bytes;    /* of keys and records */
};

struct lsm_overlay {
    struct random random;
    uint64_t bytes; /* held by all writes, towers included */
    struct lsm_write *first[LSM_OVERLAY_HEIGHT];
};

void lsm_overlay_init(struct lsm_overlay *overlay);

/* A write with copies of key and record, in no batch and no order yet; NULL without memory. */
struct lsm_write *lsm_write_new(struct lsm_overlay *overlay, enum lsm_write_kind kind,
                                const struct engine_key *key, struct bytes record);

/* Only of a write that is in no order. */
void lsm_write_free(struct lsm_overlay *overlay, struct lsm_write *write);

/* The newest write of the key, or NULL. */
struct lsm_write *lsm_overlay_find(const struct lsm_overlay *overlay, const struct engine_key *key);

/* The first in order at or after the position, in this partition or a later one; NULL: none. The
 * one after it is tower[0]. */
struct lsm_write *lsm_overlay_seek(const struct lsm_overlay *overlay, uint32_t partition,
                                   uint64_t position);

/* Puts the write of a key in order, in place of what was the newest, which is returned (or NULL)
 * and stays in its batch. */
struct lsm_write *lsm_overlay_list(struct lsm_overlay *overlay, struct lsm_write *write);

/* Takes it out of the order, if it is in it. */
void lsm_overlay_unlist(struct lsm_overlay *overlay, struct lsm_write *write);

/* Takes all of the partition out of the order. */
void lsm_overlay_drop(struct lsm_overlay *overlay, uint32_t partition);

struct lsm_batch *lsm_batch_new(uint64_t number);

/* With all its writes, which are taken out of the order. */
void lsm_batch_free(struct lsm_overlay *overlay, struct lsm_batch *batch);

void lsm_overlay_check(const struct lsm_overlay *overlay);

#endif
