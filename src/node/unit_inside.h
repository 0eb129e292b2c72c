/* Between the files of units (node/unit.h): what a worker knows of them, and the life of one that
 * could not be done at once.
 *
 *      unit.c          the entry points
 *      unit_run.c      cells: what is held goes in, what `run` made of them comes out
 *      unit_here.c     a unit on the worker that has all its keys
 *      unit_cross.c    one whose keys are of several workers, seen from where it was submitted
 *      unit_part.c     ... and from a worker that has some of them
 *      unit_names.c    every key that is there
 *      unit_gate.c     who waits for a locked key, or for the whole worker
 *      unit_locks.c    the locks
 *      unit_write.c    writing several keys, all or nothing over a crash
 *      unit_change.c   what is to be written, as bytes
 *      unit_intent.c   the records of it
 *      unit_redo.c     what a run before has left of them (with unit_redo_find.c,
 * unit_redo_write.c) unit_told.c     what has changed, for the live feed unit_work.c     the memory
 * of all this */
#ifndef NODE_UNIT_INSIDE_H
#define NODE_UNIT_INSIDE_H

#include "base/buffer.h"
#include "base/queue.h"
#include "base/timers.h"
#include "node/unit.h"
#include "node/unit_locks.h"
#include "replica/replica.h"

struct request;
struct snapshot;
struct unit_work;
struct unit_redo;
struct redo_item;

/* A cell, its key as engines want it, and what is held of it in the present event. */
struct unit_place {
    struct unit_cell *cell;
    struct engine_key key;
    struct object held;   /* of a blind cell its dots; in the event's arena */
    struct bytes encoded; /* the same; data NULL where nothing is held, or of a blind cell */
    struct bytes kept;    /* what was read in an earlier event, if it had one sibling: ... */
    struct dot kept_dot;  /* ... this */
    uint32_t worker;      /* whose it is */
    bool absent;          /* nothing is held but deletions */
    bool written;
};

/* A worker's share. */
struct units {
    bool alone;               /* by the snapshot adopted */
    bool ready;               /* ... and no other one waits */
    bool closed;              /* nothing begins here for now: frozen, freezing or redoing */
    uint32_t partitions;      /* of the cluster; 0 before the first snapshot */
    uint64_t next_id;         /* of records */
    struct unit_locks locks;  /* of keys */
    struct queue gate;        /* who waits while closed: struct lock_waiter */
    struct unit_work *freeze; /* who has locked everything here, or waits for it ... */
    bool frozen;              /* ... and has */
    bool opening;             /* who waits at the gate is being called */
    struct snapshot *next;    /* waits until no lock is held; NULL as a rule */
    struct unit_redo *redo;   /* after the start; NULL when it is over */
    bool barred;              /* there was no memory to begin that: closed for good */
    uint32_t waiting;         /* requests at the gate or at a lock */
    struct queue requests;    /* these */
    struct queue works;       /* of units or parts of them that are under way here */
    struct queue crossings;   /* of units submitted here */
    struct queue free_works;  /* for reuse */
    uint32_t count;           /* units under way that were submitted here */
    uint32_t free_count;
    uint32_t redo_heard; /* worker 0: from so many workers, over all steps */
    bool redo_records;
};

/* What is to be done with a part at its worker. */
enum unit_step {
    UNIT_LOCK,    /* lock its keys and bring home what is held */
    UNIT_SETTLE,  /* wait until what was read is settled */
    UNIT_PREPARE, /* put on record what will be written; in memory: write it, behind the locks */
    UNIT_DECIDE,  /* the same, and that all of it will be written */
    UNIT_WRITE,   /* the only part that writes: do so */
    UNIT_APPLY,   /* write what is on record, unlock, and wait until that is durable */
    UNIT_RELEASE, /* unlock; what was written stands */
    UNIT_UNDO,    /* unlock, with everything as before */
    UNIT_FORGET,  /* that it was decided */
};

struct unit_crossing;
struct unit_part;

/* It outlives both workers, should it not arrive. */
struct letter_unit {
    struct letter letter;
    struct unit_part *part; /* LETTER_UNIT_PART, LETTER_UNIT_PART_DONE */
    struct unit_work *work; /* LETTER_UNIT_OVER */
};

/* One worker's share of a unit that crosses workers. It belongs to the crossing, and is touched
 * where it is: at home, or, while away, at its worker. */
struct unit_part {
    struct letter_unit *letter; /* that it travels with; NULL while on its way */
    struct unit_crossing *crossing;
    struct unit_work *work; /* at its worker, from the lock to the release */
    uint32_t worker;
    uint32_t decider; /* the partition whose intents have the decision */
    uint8_t step;     /* enum unit_step */
    bool away;
    bool locked; /* it has a work at its worker, which is to be released */
    bool prepared;
    bool changes; /* it has something to write: */
    bool several; /* more than one */
    bool flush;
    bool names_wanted;
    bool everything;
    uint64_t id; /* of its records, the same for all parts */
    uint64_t deadline_us;
    int code;
    struct unit_place *places; /* in order of position; the crossing's */
    uint32_t count;
    struct buffer held;    /* brought home */
    struct buffer names;   /* u32 length and key, each */
    struct buffer changed; /* unit_change.h */
};

/* The whole of it, at home. */
struct unit_crossing {
    struct queue link;
    struct worker *worker;
    uint32_t home;     /* its index */
    struct unit *unit; /* NULL once answered */
    uint64_t since_us;
    struct timer deadline;
    uint8_t phase;
    int code; /* the first failure */
    uint32_t away;
    uint32_t next;    /* the part to be locked next */
    uint32_t decider; /* index of the part that decides, once there is one */
    uint32_t writers; /* parts that have something to write */
    struct arena memory;
    struct unit_place *places;
    uint32_t count; /* of parts */
    struct unit_part *parts;
};

typedef void (*unit_then)(struct unit_work *work, int result);

/* A unit, or a part of one, under way at a worker, which it belongs to. */
struct unit_work {
    struct queue link;
    struct letter_unit *letter; /* from a unit that is another worker's; NULL while on its way */
    struct worker *worker;
    struct unit *unit;      /* the whole of it; NULL once answered */
    struct unit_part *part; /* or a part; NULL while that is not here */
    uint32_t home;          /* the worker it was submitted to */
    uint64_t since_us;
    uint64_t deadline_us;
    struct timer deadline;
    struct timer again;
    struct lock_waiter waiter;
    struct read_waiter reading;
    struct durable_waiter settling;
    unit_then then;
    struct unit_place *places;
    uint32_t count;
    uint32_t place_capacity;
    uint32_t locked;        /* of the places */
    bool flush;             /* first everything goes, of the partitions ... */
    uint32_t flush_worker;  /* ... of this worker */
    uint32_t flush_workers; /* ... of so many */
    bool flushed;
    struct redo_item *redo_item; /* unit_redo.c */
    bool wrote;                  /* it has run, and what it wrote is to settle ... */
    bool stuck;                  /* ... after it could be stored; nobody sees the half of it */
    int refusal;                 /* why nothing was written, once that is settled */
    bool lent;                   /* its memory is the unit's, until that is done at home */
    bool ended;
    bool finishing;        /* a part that ends once what it wrote is as durable as it has to be */
    bool settles;          /* some of what it wrote does so later */
    bool whole;            /* everything is locked */
    uint32_t walked;       /* partitions whose names were taken ... */
    uint64_t walked_up_to; /* ... and how far in the next */
    uint64_t id;           /* of its records */
    uint32_t records;      /* how many there are */
    uint32_t record_partition;
    uint8_t record_kind;
    size_t written;        /* of `changes` */
    struct buffer changes; /* of a whole unit, or taken over from a part */
    struct arena memory;   /* the unit's, or what was held before */
};

/* ---- unit.c ---- */

void units_init(struct worker *worker, uint64_t seed);
void units_deinit(struct worker *worker);
/* Another snapshot is about to be adopted: true if it has to wait, its reference taken over. */
bool units_defer(struct worker *worker, struct snapshot *snapshot);
/* ... was adopted. */
void units_adopt(struct worker *worker, bool first);
/* At the end of every event. */
void units_leave(struct worker *worker);
/* A letter of units: true if it was one. */
bool units_letter(struct worker *worker, struct letter *letter);
/* None is under way. */
bool units_idle(const struct worker *worker);
void units_check(const struct worker *worker);
/* The place of a cell's key, whichever worker has it. */
struct engine_key unit_key(const struct worker *worker, struct bytes key);
const char *unit_code_text(int code);
/* What it finds here now is as durable as it asks for. */
bool unit_lasts(const struct worker *worker, const struct unit *unit);
extern const char unit_not_alone[];
extern const char unit_stopping[];
extern const char unit_overload[];

/* ---- unit_work.c ---- */

/* NULL over the limit or without memory. */
struct unit_work *unit_work_new(struct worker *worker, uint32_t count);
/* Waits for nothing and has nothing locked any more. */
void unit_work_rest(struct unit_work *work);
/* It rests, and is kept for reuse. */
void unit_work_free(struct unit_work *work);
/* Back to memory. */
void unit_work_release(struct unit_work *work);

/* ---- unit_run.c ---- */

/* Reads what is held, for `run`. REPLICA_DONE; REPLICA_PENDING (replica_wait, and again from the
 * start); SHOAL_EREFILLING; or why it can't be read. What was read of several while others are
 * pending is kept in the memory (NULL: nobody will wait). */
int unit_read(struct worker *worker, struct unit_place *places, uint32_t count,
              struct arena *memory);
/* Only the dots, as of a blind cell; REPLICA_DONE, REPLICA_PENDING or why they can't be read. */
int unit_read_dots(struct worker *worker, struct unit_place *place);
/* Runs it; true if there is something to write. */
bool unit_execute(struct worker *worker, struct unit *unit);
/* Is there something to write? Not where nothing but deletions would be deleted. */
bool unit_changes(const struct unit_place *place);
uint32_t unit_count_changes(const struct unit_place *places, uint32_t count);
/* Writes one changed place: as replica_replace, and SHOAL_EREFILLING where it is not held. */
int unit_write_place(struct worker *worker, const struct unit_place *place);
/* Writes what `run` made of the cells just read, all of it or nothing, where nothing survives the
 * process or only one changes. REPLICA_DONE, REPLICA_HELD; a negative code: nothing was applied,
 * but for SHOAL_EUNKNOWN. With `memory` what was held goes there, for unit_take_back. */
int unit_write(struct worker *worker, struct unit_place *places, uint32_t count,
               struct arena *memory);
/* Takes back what unit_write has written of the first places, with a memory. 0 or SHOAL_EUNKNOWN.
 */
int unit_take_back(struct worker *worker, const struct unit_place *places, uint32_t count);

/* ---- unit_here.c ---- */

/* The work's unit is done where it is; it may be later. */
void unit_begin(struct worker *worker, struct unit *unit, uint32_t home);
/* The unit is done: the work's memory is its own again. */
void unit_give_back(struct unit_work *work);
/* Its deadline runs from now on. False: without memory for it the unit was answered, and the work
 * ended, unless it is stuck. */
bool unit_wait(struct unit_work *work);

/* ---- unit_gate.c ---- */

/* Waits for its turn, if it has to: true. */
bool unit_gate_request(struct worker *worker, struct request *request);
/* Is the key locked, or everything? Then it is not for anybody else to change it. */
bool unit_key_locked(const struct worker *worker, const struct engine_key *key);
/* The first place that somebody else has locked; NULL. */
const struct unit_place *unit_locked(const struct worker *worker, const struct unit_work *work);
/* Waits at the gate, which is closed. */
void unit_gate_wait(struct worker *worker, struct unit_work *work);
/* Locks all places of the work: 0, or SHOAL_ENOMEM and none of them. They are free. */
int unit_lock_all(struct unit_work *work);
void unit_unlock_all(struct unit_work *work);
/* Locks the whole worker: 0 at once, 1 `then` will be called when it is. The gate was open. */
int unit_freeze(struct unit_work *work);
void unit_thaw(struct unit_work *work);
/* Opens or closes the gate, as things are. */
void unit_gate_review(struct worker *worker);
void unit_gate_deinit(struct worker *worker);

/* ---- unit_cross.c ---- */

void unit_cross(struct worker *worker, struct unit *unit);
/* A part has come home. */
void unit_cross_on_part(struct unit_part *part);
void unit_cross_deinit(struct worker *worker);

/* ---- unit_part.c ---- */

/* The part travels. */
void unit_part_post(struct worker *worker, uint32_t to, struct unit_part *part, uint32_t kind);

/* Does the part's step, at its worker; unit_part_done when it is done. */
void unit_part_step(struct worker *worker, struct unit_part *part);

/* ---- unit_names.c ---- */

/* Appends every key that is there to the part's names. REPLICA_DONE, REPLICA_PENDING: again from
 * where it was; a negative code. */
int unit_names_take(struct unit_work *work, struct buffer *names);
/* The unit's names from those of its parts. 0 or SHOAL_ENOMEM. */
int unit_names_give(struct unit *unit, const struct unit_part *parts, uint32_t count);

/* ---- unit_write.c ---- */

/* Appends what `run` made of the cells to the changes: 0, SHOAL_ENOMEM, SHOAL_ETOOBIG. */
int unit_encode(const struct unit_place *places, uint32_t count, struct buffer *changes);
/* Writes the work's changes, all of them or none, whatever happens to the process (`several`: there
 * is more than one, or a flush): `then` is called with REPLICA_DONE or REPLICA_HELD, or a negative
 * code: nothing was applied, but for SHOAL_EUNKNOWN; with that a stuck one has to stay locked. Now,
 * or later where what is held must be read or there is no room for a while. */
void unit_write_all(struct unit_work *work, bool several, unit_then then);
/* Forgets all that this worker holds: 0, or why not all of it yet. */
int unit_flush(struct unit_work *work);
/* The same of what is on record already. */
void unit_write_prepared(struct unit_work *work, unit_then then);

/* ---- unit_told.c: for the live feed, before whoever asked is answered ---- */

/* What was to be written came to this, of cells that are still here. */
void unit_told(struct worker *worker, const struct unit_place *places, uint32_t count, int code);
/* The same of a work's changes, as they were encoded, and of the flush before them. */
void unit_told_work(struct unit_work *work, int code);
/* Everything that this worker held is deleted. */
void unit_told_flush(struct worker *worker);

/* ---- unit_intent.c ---- */

enum unit_record_kind {
    UNIT_RECORD_INTENT = 1,   /* to be done */
    UNIT_RECORD_PREPARED = 2, /* to be done if it was decided */
    UNIT_RECORD_DECISION = 3,
};

struct unit_record {
    enum unit_record_kind kind;
    uint64_t id;
    uint32_t index; /* of `count` records */
    uint32_t count;
    uint32_t decider; /* the partition that has the decision */
    uint32_t worker;  /* of `workers`: whose it was */
    uint32_t workers;
    bool flush;
    struct bytes changes;
};

/* Puts the work's changes on record under its id: 0, or the engine's refusal and nothing. */
int unit_record_put(struct unit_work *work, enum unit_record_kind kind, uint32_t decider);
/* Removes them: 0 or the engine's refusal, some may be gone. */
int unit_record_remove(struct unit_work *work);
/* One record, whosever. */
int unit_record_erase(struct worker *worker, const struct unit_record *record, uint32_t partition);
int unit_decision_put(struct worker *worker, uint64_t id, uint32_t partition);
int unit_decision_remove(struct worker *worker, uint64_t id, uint32_t partition);

/* 0 or SHOAL_EPROTO. */
int unit_record_decode(struct bytes bytes, struct unit_record *out);

/* ---- unit_redo.c ---- */

/* Begins to do what a run before left half done: units->redo is set until that is over. */
void unit_redo_begin(struct worker *worker);
bool unit_redo_letter(struct worker *worker, struct letter *letter);
void unit_redo_deinit(struct worker *worker);
/* Another cluster: nothing of the one before is done. */
void unit_redo_drop(struct worker *worker);

#endif
