/* A unit of work on a standalone node (n = 1 and no other member): reads and writes over any of its
 * keys, whatever workers hold them, as one step. It runs once, sees nothing half done by others,
 * nobody sees it half done, and after a crash it is there whole or not at all. Redis's commands,
 * its transactions and HTTP's are units.
 *
 *      keys of one worker     read all --> run --> write all, in one event: no lock is needed;
 *                             a unit whose reads must come from the disk waits and begins again
 *      of several workers     lock key by key, in order of (worker, position), bringing home what
 *                             is held --> run at home --> each part on record as *prepared* -->
 *                             the decision on record --> each part written --> unlocked
 *
 * Where what is written survives the process, several keys are first put on record as one *intent*
 * (a redo record: Gray and Reuter, 1992, chapter 10; two-phase commit between the workers, whose
 * logs are cut apart by a crash). Whatever else is asked of a locked key waits its turn. Locks are
 * taken in one order by all, so that nobody waits in a circle. A node that is not alone refuses
 * units: between several owners they would be a promise that nobody keeps. */
#ifndef NODE_UNIT_H
#define NODE_UNIT_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/letter.h"
#include "base/moment.h"
#include "base/trace.h"
#include "storage/engine.h"

struct worker;
struct unit;

enum unit_change {
    UNIT_KEEP = 0,
    UNIT_PUT = 1,
    UNIT_DELETE = 2,
};

/* One key: what is held of it when the unit runs, then what the unit makes of it. A run that writes
 * a cell sets found, value and expiry_ms to what they are from then on, so that a later part of the
 * same run sees it. */
struct unit_cell {
    struct bytes key;   /* set by the surface; no two cells of a unit have the same */
    struct bytes value; /* found: the winner's; borrowed until `run` returns. After a change: must
                           stay until `done`: from unit->memory or the surface's own */
    uint64_t expiry_ms; /* wall time; 0: never. At this very millisecond it is gone. */
    uint64_t version;   /* changes with every write of the key, be it to the same value; 0: there
                           was never one, or it is long deleted */
    uint64_t stamp;     /* if `stamped`: shown_stamp of all that it shows; 0: it shows nothing */
    uint32_t siblings;  /* live ones, the value being the winner's */
    bool found;         /* a value that is neither deleted nor expired */
    bool blind;         /* set by the surface: `run` does not look at what is held, which is
                           then not read: found is false, version 0 */
    bool stamped;       /* set by the surface: `stamp` is wanted */
    uint8_t change;     /* enum unit_change */
};

/* A name that is there: unit->names. */
struct unit_name {
    struct bytes key;
};

typedef void (*unit_run)(struct unit *unit, uint64_t now_ms);
/* 0: what `run` wrote has been written and is as durable as configured; what it replied holds. Else
 * an enum shoal_error and a text (borrowed for the call): nothing was applied, but for
 * SHOAL_EUNKNOWN. */
typedef void (*unit_done)(struct unit *unit, int code, struct bytes text);

struct unit {
    /* ---- set by the surface; borrowed until `done` ---- */
    struct unit_cell *cells;
    uint32_t count;
    bool reads_only; /* `run` changes no cell: it may then be done at once whatever the engine */
    bool lasting;    /* what it has found is as durable as configured before it is done, even if it
                        writes nothing; without this a crash may take back what a unit that only
                        reads has told */
    bool everything; /* nothing else goes on in the node meanwhile: `flush` may be set ... */
    bool with_names; /* ... and `names` is made. Implies everything. */
    uint64_t timeout_us; /* 0: the node's default. SHOAL_ETIMEOUT: it has not run */
    /* Pure, once, on the thread of any worker: it touches the unit, its cells and what the surface
     * gave it, and nothing that others touch meanwhile. */
    unit_run run;
    unit_done done; /* on the thread of the worker that it was submitted to */
    void *user;
    /* For the slow log and for traces, all optional: what it is ("mset", a literal), where it came
     * in (enum request_surface), and for which request. */
    const char *name;
    uint32_t surface;
    struct trace trace;

    /* ---- for `run` ---- */
    struct arena *memory;          /* what is taken from it stays until `done` */
    const struct unit_name *names; /* with_names: every key that is there, in no order */
    uint32_t name_count;
    bool flush;   /* set by `run` (everything only): all keys are deleted but those put by cells */
    bool abandon; /* set by `run`: nothing is written, whatever the cells say; done with 0 */

    /* ---- private to the node from submission to `done` ---- */
    struct unit_work *work;
    uint64_t deadline_us;
    uint64_t since_us;
    uint32_t waited; /* enum request_wait */
    uint64_t span;
    uint64_t parent_span;
    uint64_t begin_ns;
    int code; /* on its way back from another worker */
    const char *text;
    struct letter letter;
};

/* Is the node alone, so that units are taken? Any time; may change when a node joins. */
bool worker_alone(const struct worker *worker);

/* For a moment after the start the node has not found out yet whether it is alone: who would be
 * refused for not being so is told to try again. */
bool worker_starting(const struct worker *worker);
#define UNIT_STARTING_TEXT                                                                         \
    "the node has only just started and does not know yet whether it is alone; nothing was "       \
    "applied, try again"

/* Units over a key that will come in a moment, many at once: where it lies; then, with all places
 * known, asks for the memory there; a little later for what that leads to. They change nothing; a
 * key of another worker's is passed over. */
void worker_unit_find(const struct worker *worker, struct bytes key, struct engine_key *place);
void worker_unit_expect(const struct worker *worker, const struct engine_key *place);
void worker_unit_expect_more(const struct worker *worker, const struct engine_key *place);

/* Does the unit here and now, if that is possible: all keys are this worker's, nothing is locked,
 * all is in memory, and what it writes is as durable as it will ever be the moment it is held.
 * True: it has run and is done, `done` is not called, and *code says how it went (then no text:
 * shoal_error_text). False: nothing has happened; submit it. `memory` is set for the call; values
 * written may be borrowed from anywhere that lasts for the call. */
bool worker_unit_now(struct worker *worker, struct moment now, struct unit *unit, int *code);

/* `done` is called once, perhaps before this returns. SHOAL_EUNSUPPORTED where the node is not
 * alone. */
void worker_unit(struct worker *worker, struct moment now, struct unit *unit);

#endif
