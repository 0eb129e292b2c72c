/* Between the files of units (node/unit.h): what a worker knows of them, and the life of one that
 * could not be done at once. */
#ifndef NODE_UNIT_INSIDE_H
#define NODE_UNIT_INSIDE_H

#include "base/queue.h"
#include "base/timers.h"
#include "node/unit.h"
#include "replica/replica.h"

/* A cell's key as engines want it, and what is held of it in the present event. */
struct unit_place {
    struct engine_key key;
    struct object held;   /* of a blind cell its dots; in the event's arena */
    struct bytes encoded; /* the same; data NULL where nothing is held, or of a blind cell */
};

/* A worker's share. */
struct units {
    bool alone;          /* by the snapshot adopted */
    bool ready;          /* units may run here this moment, as far as nothing is locked */
    uint32_t partitions; /* of the cluster; 0 before the first snapshot */
    uint32_t count;      /* submitted here and not done */
    uint32_t free_count;
    struct queue all;  /* works that are not over, of units submitted here or come from others */
    struct queue free; /* ... and those for reuse */
};

/* A unit on its way. It belongs to the worker that it was submitted to; of a unit whose keys are
 * all another's, that worker has one of its own, to which `unit` is lent by a letter. */
struct unit_work {
    struct queue link;
    struct letter letter;
    struct worker *worker;
    struct unit *unit; /* NULL once answered */
    uint32_t home;     /* the worker it was submitted to */
    uint64_t since_us;
    uint64_t deadline_us;
    struct timer deadline;
    struct timer again;
    struct read_waiter reading;
    struct durable_waiter settling;
    bool wrote;          /* it has run, and what it wrote is to settle */
    struct arena memory; /* the unit's */
    struct unit_place *places;
    uint32_t place_capacity;
};

/* ---- unit.c ---- */

void units_init(struct units *units);
void units_deinit(struct worker *worker);
/* Another snapshot is adopted. */
void units_adopt(struct worker *worker);
/* A letter of units: true if it was one. */
bool units_letter(struct worker *worker, struct letter *letter);
/* None is under way. */
bool units_idle(const struct worker *worker);

/* Where the cells' keys are, whichever worker has them. */
void unit_place(const struct worker *worker, const struct unit *unit, struct unit_place *places);

/* ---- unit_run.c: a unit whose keys are all this worker's ---- */

/* Reads what is held, for `run`. REPLICA_DONE; REPLICA_PENDING (replica_wait, and again from the
 * start); SHOAL_EREFILLING; or why it can't be read. */
int unit_read(struct worker *worker, struct unit *unit, struct unit_place *places);

/* Runs it; true if there is something to write. */
bool unit_execute(struct worker *worker, struct unit *unit);

/* Writes what `run` made of the cells, all of it or nothing. REPLICA_DONE, REPLICA_HELD; a negative
 * code: nothing was applied, but for SHOAL_EUNKNOWN. */
int unit_write(struct worker *worker, struct unit *unit, struct unit_place *places);

#endif
