/* A memory engine with moods, for tests of what stands on the storage port: it may make writes wait
 * for their durability, refuse them, or fail for good; reads may have to wait for the disk; records
 * may be damaged. What it lends it takes back at the next call that changes something, so that
 * AddressSanitizer catches whoever keeps a borrowed record too long. */
#ifndef SUPPORT_FICKLE_ENGINE_H
#define SUPPORT_FICKLE_ENGINE_H

#include "base/random.h"
#include "storage/engine.h"

#define FICKLE_READS_MAX 20000u
#define FICKLE_DAMAGED_MAX 16u
#define FICKLE_DISK_US UINT64_C(150) /* how long a read takes that must wait, at first */

/* A read that waits, or a backup. */
struct fickle_read {
    uint64_t ticket;
    uint64_t due_us;
};

struct fickle_engine {
    struct engine engine; /* first; settles_durable is true at first */
    struct engine *inner;
    bool keeps_inner; /* the store outlives the engine: freeing this leaves it */

    /* Writes. */
    bool slow;                /* writes answer 1; settled when fickle_engine_settle says so ... */
    bool settles;             /* ... or at every flush */
    uint64_t sequence;        /* of the last write while slow */
    uint64_t sequence_wanted; /* harden was called for all up to here */
    uint32_t hardens;         /* calls of it */
    uint32_t puts_before_failing; /* after so many more puts ... */
    uint32_t puts_failing;        /* ... so many of the next ... */
    int put_code;                 /* ... are refused with this */
    uint32_t holdings_failing;
    uint32_t drops_failing; /* so many of the next, for want of memory */
    uint32_t puts;          /* that were done */
    uint32_t gets;          /* that were answered with a record */
    enum engine_health health;
    bool behind;

    /* Reads: so many of a hundred gets and visits have to wait; the first flush after disk_us says
     * that they are ready, and while it does so nothing waits. */
    uint32_t cold_percent;
    uint64_t disk_us;
    bool is_reading;
    int read_code; /* what waits is told this */
    struct random random;
    struct fickle_read reads[FICKLE_READS_MAX];
    uint32_t read_count;
    uint32_t reads_waited;  /* in all */
    uint32_t walks_failing; /* so many of the next walks fail when they have visited something */
    bool is_secretive;      /* brief never knows more than that something is there */
    struct {
        uint32_t partition;
        uint64_t position;
    } damaged[FICKLE_DAMAGED_MAX];
    uint32_t damaged_count;
    uint32_t lost_partition; /* ops->lost says so of this one; UINT32_MAX: of none */

    int backup_code; /* what a backup answers, and its ready */
    char backup_folder[256];

    void **lent;
    size_t lent_count;
};

/* What cold_percent is to be of every engine made from here on: a suite may run again with it. */
extern uint32_t fickle_engine_cold_percent;

/* Aborts without memory: it is for tests. */
struct fickle_engine *fickle_engine_new(uint32_t partitions);

/* The same over a store that is there already and stays when the engine is freed. */
struct fickle_engine *fickle_engine_over(struct engine *store);

/* Whatever waits for the disk has been read. */
void fickle_engine_read_all(struct fickle_engine *fickle);

/* All writes so far are settled (and durable, if the engine settles durably), and their waiters
 * hear of it. */
void fickle_engine_settle(struct fickle_engine *fickle);

/* All writes so far are durable. */
void fickle_engine_make_durable(struct fickle_engine *fickle);

/* The storage fails for good. */
void fickle_engine_break(struct fickle_engine *fickle, int code);

/* The record of the key can't be read any more, until it is overwritten, and this is found out. */
void fickle_engine_damage(struct fickle_engine *fickle, const struct engine_key *key);

#endif
