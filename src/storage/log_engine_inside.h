/* What the log engine is made of, shared by the files that implement it and nobody else.
 *
 *      put --> filling write --> writes waiting --> first: in flight --> segment
 *                    |                                                     |
 *                    '--- read back from memory ---------------- read from the file
 *
 * A *slot* is this engine's view of a segment; index entries name slots. One slot is active: what
 * is written goes there. One is the spare, made in advance, so that going on to it costs nothing
 * and a full disk still has room for compaction. A *write* is a batch of records for one slot while
 * it is filled, waits, and is written. Writes are carried out one at a time, in order. */
#ifndef STORAGE_LOG_ENGINE_INSIDE_H
#define STORAGE_LOG_ENGINE_INSIDE_H

#include "base/queue.h"
#include "base/table.h"
#include "base/timers.h"
#include "storage/compression.h"
#include "storage/log_engine.h"
#include "storage/log_index.h"

#define LOG_RETRY_US UINT64_C(1000000)       /* after a full disk */
#define LOG_SYNC_SLOTS 8u                    /* that one sync job takes on */
#define LOG_LENT_BYTES_MAX (64u * LIMIT_MIB) /* of records read, lent between two calls */
#define LOG_FETCHES_MAX 65536u               /* reads that wait, in flight or not */

struct log_engine;

/* ---- slots ---- */

enum log_slot_state {
    LOG_SLOT_OPEN,    /* spare or active: its file is there, or being created */
    LOG_SLOT_SEALING, /* no record is added any more; being written, synced, hinted */
    LOG_SLOT_CLOSED,  /* never changes again */
    LOG_SLOT_LEAVING, /* nothing in it is needed: being removed */
};

enum log_task { LOG_TASK_NONE, LOG_TASK_CREATE, LOG_TASK_FILL, LOG_TASK_SEAL, LOG_TASK_RELEASE };

struct log_slot {
    struct log_engine *log;
    uint32_t number;
    enum log_slot_state state;
    struct log_segment *segment; /* NULL until its file is there */
    struct log_origin origin;
    uint64_t capacity;
    uint64_t first_sequence; /* no record that is new in it has a lower one */
    uint64_t end;            /* where the next record or batch is to lie */
    uint64_t written;        /* what lies before is read from the file */
    uint64_t durable;        /* synced up to here: what batches say */
    uint64_t filled;         /* a spare is written over with zeros up to here */
    /* Of this engine's records. used = live + dead + markers, all by size class. */
    uint64_t used_bytes;
    uint64_t live_bytes;   /* puts that an index leads to, and holding records in use */
    uint64_t marker_bytes; /* removals and drops */
    /* The last write carried out, and the last that is durable. */
    uint64_t written_number;
    uint64_t written_sequence;
    uint64_t durable_number;
    uint64_t durable_sequence;
    uint32_t readers;      /* jobs that use its file */
    bool swept;            /* compacted, and what is still alive can't be read */
    bool sealed;           /* the seal is written */
    bool syncing;          /* by the sync job: a second sync might not be told what failed in it */
    struct queue unsynced; /* in the engine's, until it is closed and durable */
    /* What is done to it now, one thing at a time. */
    struct offload_job job;
    enum log_task task;
    int task_code;
    struct log_segment *created;  /* what the job made */
    uint64_t task_first_sequence; /* for the job: the slot's may rise meanwhile */
    uint64_t space_free;          /* of the disk, when the file was created or could not be */
    uint64_t task_retry_us;       /* TIMERS_NEVER: nothing to try again */
};

/* ---- writes ---- */

struct log_write {
    struct queue link;
    struct offload_job job;
    struct log_engine *log;
    struct log_slot *slot;
    uint64_t offset; /* of the batch in its segment */
    struct buffer bytes;
    uint32_t records;
    uint64_t number;   /* increasing */
    uint64_t sequence; /* the engine's last when the last record was added */
    bool seal;         /* ends the segment */
    bool made_up;      /* headers are set: nothing is added any more */
    bool syncs;
    int code;
};

/* Where a record was put, so that it can be taken back. */
struct log_spot {
    struct log_write *write;
    struct log_place place;
    uint16_t size_class;
    size_t size;
    uint64_t number_before;
};

/* Who writes, which is who may when space is short. */
enum log_purpose {
    LOG_FOR_USER,   /* puts: refused while the disk is full */
    LOG_FOR_UPKEEP, /* removals, drops, holding records: small, and some of them free space */
    LOG_FOR_COMPACTION,
};

struct log_sync {
    struct offload_job job;
    struct log_engine *log;
    bool running;
    uint32_t count;
    int code;
    struct {
        struct log_slot *slot;
        uint64_t written;
        uint64_t number;
        uint64_t sequence;
    } slots[LOG_SYNC_SLOTS];
};

/* Measures the free space again, when a record was refused for lack of it. */
struct log_space {
    struct offload_job job;
    struct log_engine *log;
    bool running;
    uint64_t wanted; /* bytes that were refused; 0: none were */
    uint64_t free;
    uint64_t retry_us;
};

/* ---- partitions ---- */

struct log_holding {
    uint64_t sequence;
    struct log_place place;
    uint16_t size_class;
    size_t len;
    uint8_t bytes[];
};

struct log_partition {
    struct log_index *index;     /* NULL: nothing there */
    struct log_holding *holding; /* NULL: none */
    uint64_t drop_sequence;      /* of the last drop; 0: none known */
    uint64_t bytes;              /* of keys and values, by size class */
    bool lost;                   /* loading found something unreadable */
    uint8_t family;              /* enum engine_family */
};

/* An index whose partition was dropped, taken apart in steps. */
struct log_dropped {
    struct queue link;
    struct log_index *index;
    uint64_t position; /* entries before are counted as dead */
    uint16_t tag;
    bool counted; /* all of them */
};

/* ---- reads ---- */

/* A record that is read by a job, and stays for a while after. */
struct log_item {
    struct queue link;        /* in the warm ones, when arrived */
    struct log_slot *slot;    /* that is read from; NULL: not any more */
    struct log_origin origin; /* of it */
    struct log_entry entry;   /* as it was when the read was asked for */
    struct log_place place;   /* where compaction has put it since, and what it is found by */
    uint32_t partition;
    struct log_fetch *fetch; /* that reads it; NULL: arrived */
    uint8_t *bytes;
    size_t len;
    bool copied; /* the bytes are there: nothing is to be read */
    int code;    /* 0, SHOAL_EDAMAGED, SHOAL_ENOMEM */
};

/* A job that reads some. */
struct log_fetch {
    struct queue link;
    struct offload_job job;
    struct log_engine *log;
    struct log_item **items; /* by place */
    uint32_t count;
    size_t bytes;
    uint64_t *tickets;
    uint32_t ticket_count;
    uint32_t ticket_capacity;
    bool under_way;
};

struct log_tickets {
    uint64_t *tickets;
    uint32_t count;
    uint32_t capacity;
};

/* ---- sweeps: going through what a closed segment holds ---- */

struct log_sweep_entry {
    uint64_t position;
    uint32_t unit;
    uint32_t bytes;
    uint32_t partition;
    uint16_t tag;
    bool wanted;
    bool damaged;
};

struct log_marker {
    uint64_t sequence;
    uint64_t position;
    uint32_t partition;
    uint16_t tag;
    uint8_t kind;
};

struct log_sweep {
    struct offload_job job;
    struct log_engine *log;
    struct log_slot *slot; /* NULL: none is swept */
    bool running;
    int code;
    struct log_sweep_entry *entries; /* puts, by place */
    size_t entry_count;
    size_t entry_capacity;
    struct log_marker *markers;
    size_t marker_count;
    size_t marker_capacity;
    uint32_t partition; /* being listed */
    size_t from;        /* the entries [from, to) are in `bytes` */
    size_t to;
    uint8_t *bytes;
    size_t bytes_len;
    size_t bytes_capacity;
    uint64_t offset;                       /* of the bytes */
    void (*then)(struct log_sweep *sweep); /* the job is done; code says how */
};

/* What a look for something to compact depends on. */
struct log_compact_view {
    uint64_t used_bytes;
    uint64_t live_bytes;
    uint64_t marker_bytes;
    uint64_t closed;
    bool full;
    bool all;
};

enum log_compact_state {
    LOG_COMPACT_IDLE,
    LOG_COMPACT_LISTING,  /* a job reads what there is */
    LOG_COMPACT_MARKERS,  /* removals and drops are kept or left */
    LOG_COMPACT_CHOOSING, /* which of the next entries are alive */
    LOG_COMPACT_READING,  /* a job reads these */
    LOG_COMPACT_MOVING,
    LOG_COMPACT_SETTLING, /* until all that made it dead is durable */
};

struct log_compact {
    struct log_sweep sweep;
    enum log_compact_state state;
    struct log_slot *victim;
    size_t at; /* marker or entry to go on with */
    uint64_t settled_number;
    uint64_t tokens; /* bytes that may be moved now */
    uint64_t tokens_us;
    uint64_t tokens_taken; /* log->taken_bytes when they were counted */
    uint64_t look_us;      /* not to look again before */
    struct log_compact_view looked;
    bool all; /* see log_engine_compact_all */
};

struct log_scrub {
    struct log_sweep sweep;
    uint32_t slot_next;
    size_t at;
    uint64_t due_us;
};

struct log_backup;

/* ---- the engine ---- */

struct log_engine {
    struct engine engine;
    struct log_engine_options options;
    struct log_volume *volume;
    struct disk *disk;
    enum log_durability durability;

    struct log_partition *partitions; /* of this worker, family by family */
    uint32_t partition_count;         /* of both */
    struct log_index_heap indexes;
    struct queue dropped;
    uint64_t keys[ENGINE_FAMILIES];
    uint64_t memory_bytes; /* what is counted nowhere else */

    struct log_slot **slots; /* by number; NULL: free */
    uint32_t slot_count;
    uint32_t slot_capacity;
    uint64_t closed_count; /* slots that were ever closed */
    struct log_slot *active;
    struct log_slot *spare;
    struct queue unsynced;          /* slots being written, synced or closed, in order */
    struct log_segment **lingering; /* released by this engine, but others still need them */
    uint32_t lingering_count;
    uint32_t lingering_capacity;
    uint64_t used_bytes; /* the sums over slots */
    uint64_t live_bytes;
    uint64_t marker_bytes;

    struct queue writes; /* the first may be in flight, the last may be filled */
    struct log_write *filling;
    struct queue idle_writes;
    uint32_t idle_count;
    bool writing;
    uint64_t queued_bytes;
    uint64_t write_number;
    uint64_t append_number; /* of the last write that got a record */
    uint64_t taken_bytes;   /* appended by users, ever */
    uint64_t write_retry_us;
    uint64_t submitted_us;  /* when the last write was begun */
    uint64_t hold_until_us; /* the write being filled is held back, */
    uint32_t hold_records;  /* or until it has so many */
    uint64_t sequence;      /* the last given out */
    uint64_t base_sequence; /* the last before this process */
    uint64_t settled_sequence;
    uint64_t durable_number;
    uint64_t durable_sequence;
    uint64_t harden_number;
    bool harden_told;     /* there was nothing to harden: say so */
    uint64_t sync_due_us; /* TIMERS_NEVER: none is due */
    struct log_sync sync;
    struct buffer scratch; /* compressed values */
    struct compressor compressor;

    bool failed;         /* for good */
    bool failed_told;    /* to the worker */
    bool write_full;     /* a batch found no space */
    bool create_full;    /* a segment found no space */
    uint64_t space_free; /* at the last look */
    struct log_space space;

    struct arena lent;
    size_t lent_bytes;
    struct table items; /* place -> struct log_item */
    struct queue warm;  /* items that arrived, oldest first */
    uint32_t warm_count;
    size_t warm_bytes;
    struct queue fetches; /* not yet under way */
    uint32_t fetch_count; /* all */
    uint32_t fetches_under_way;
    size_t fetch_bytes;      /* under way */
    struct log_tickets late; /* to be told ready at the next flush */

    struct table damaged; /* place -> see log_damage.c */
    uint32_t damage_untold;

    struct log_compact compact;
    struct log_scrub scrub;
    struct log_backup *backup; /* NULL: none is made */
    struct log_engine_figures figures;
};

static inline struct log_engine *log_engine_of(struct engine *engine)
{
    return (struct log_engine *)(void *)engine;
}

static inline const struct log_engine *log_engine_of_const(const struct engine *engine)
{
    return (const struct log_engine *)(const void *)engine;
}

static inline uint64_t log_place_key(struct log_place place)
{
    return ((uint64_t)place.slot << LOG_OFFSET_BITS) | place.unit;
}

static inline uint64_t log_place_offset(struct log_place place)
{
    return (uint64_t)place.unit * LOG_UNIT_BYTES;
}

static inline bool log_place_equal(struct log_place a, struct log_place b)
{
    return a.slot == b.slot && a.unit == b.unit;
}

static inline bool log_engine_is_full(const struct log_engine *log)
{
    return log->write_full || log->create_full;
}

/* Has this or another engine of the volume failed? */
static inline bool log_volume_failed(const struct log_engine *log)
{
    return atomic_load_explicit(&log->volume->failed, memory_order_relaxed);
}

/* The partition, which must be one of this worker's. */
struct log_partition *log_partition_of(struct log_engine *log, uint32_t partition);
const struct log_partition *log_partition_of_const(const struct log_engine *log,
                                                   uint32_t partition);
uint32_t log_partition_number(const struct log_engine *log, uint32_t local);

/* Room for a holding's record; counted. NULL: no memory. */
struct log_holding *log_holding_new(struct log_engine *log, size_t len);
void log_holding_free(struct log_engine *log, struct log_holding *holding); /* NULL is harmless */

/* Does the index still lead to that very place? */
bool log_is_live(const struct log_engine *log, uint32_t partition, const struct log_entry *entry);

/* What is known of the entry without reading it. */
struct engine_brief log_brief_of(const struct log_engine *log, const struct log_entry *entry);

/* The engine is broken for good; the worker is told at once (from a job) or at the next flush. */
void log_engine_fail(struct log_engine *log, const char *what, int code);

/* ---- log_stats.c ---- */

bool log_engine_lost(const struct engine *engine, uint32_t partition);
enum engine_health log_engine_health(const struct engine *engine);
bool log_engine_behind(const struct engine *engine);
void log_engine_stats(const struct engine *engine, uint32_t partition, struct engine_stats *out);

/* ---- log_slots.c ---- */

/* A slot for a segment; state and segment are the caller's to set. 0 or SHOAL_ENOMEM. */
int log_slot_new(struct log_engine *log, struct log_slot **out);
/* No index entry, job or write refers to it. */
void log_slot_free(struct log_slot *slot);
void log_slot_added(struct log_slot *slot, uint8_t kind, uint16_t size_class);
/* A put or holding record of that class in the slot is dead now. */
void log_slot_died(struct log_engine *log, struct log_place place, uint16_t size_class);
/* What a marker hides lies in segments that were begun before it was written: the first sequence of
 * the oldest segment but this one; UINT64_MAX when there is none. */
uint64_t log_slots_oldest(struct log_engine *log, const struct log_slot *but);
/* Gives it up: removes the file when no other engine needs it. */
void log_slot_release(struct log_slot *slot);
void log_slots_deinit(struct log_engine *log);

/* ---- log_active.c: the segments being written ---- */

/* At the start; blocks. */
int log_active_open(struct log_engine *log, char text[512]);
/* A record of so many bytes fits into the active segment, which may be another afterwards. 0,
 * SHOAL_ENOMEM, SHOAL_ENOSPC. */
int log_active_room(struct log_engine *log, size_t size, enum log_purpose purpose);
/* Goes on to another segment, if the active one has records. */
int log_active_roll(struct log_engine *log);
/* Creates what is missing, tries again what failed. */
void log_active_turn(struct log_engine *log);
/* At the next turn, because there may be space now. */
void log_active_retry(struct log_engine *log);
/* All of it is written, its seal too: closes it, now or at a later turn. */
void log_slot_close(struct log_slot *slot);
uint64_t log_active_next_us(const struct log_engine *log);
/* What the next segment is to hold. */
uint64_t log_active_capacity(const struct log_engine *log);

/* ---- log_batch.c: writes ---- */

/* Appends to the write being filled. 0, or SHOAL_ENOMEM, SHOAL_ENOSPC, SHOAL_EIO, SHOAL_EOVERLOAD
 * and nothing has changed that anyone could see. */
int log_append(struct log_engine *log, const struct log_record *record, enum log_purpose purpose,
               struct log_spot *spot);
/* Takes back what was appended last. */
void log_append_undo(struct log_engine *log, const struct log_spot *spot);
/* No more records are added to what is filled for the active slot; its seal follows. 0 or
 * SHOAL_ENOMEM. */
int log_writes_seal(struct log_engine *log, struct log_slot *slot);
void log_writes_submit(struct log_engine *log);
uint64_t log_writes_next_us(const struct log_engine *log);
/* The bytes of the place on, when it is not yet in the file. */
bool log_writes_find(const struct log_engine *log, struct log_place place, struct bytes *out);
void log_writes_deinit(struct log_engine *log);

/* ---- log_durable.c ---- */

void log_durable_written(struct log_engine *log, struct log_write *write);
/* Everything written to the slot is durable. */
void log_durable_slot(struct log_slot *slot);
/* Tells what has become durable. */
void log_durable_advance(struct log_engine *log);
void log_durable_turn(struct log_engine *log);
/* When the next sync is due; one under way is waited for. */
uint64_t log_durable_next_us(const struct log_engine *log);
void log_durable_harden(struct log_engine *log, uint64_t number);

/* ---- log_read.c ---- */

/* What was lent is taken back. */
void log_lent_reset(struct log_engine *log);
/* The record at an entry's place, its value decompressed; borrowed until log_lent_reset. 0, 1: not
 * in memory; SHOAL_EDAMAGED, SHOAL_ENOMEM. */
int log_read(struct log_engine *log, uint32_t partition, const struct log_entry *entry,
             struct log_record *out);
int log_engine_get(struct engine *engine, const struct engine_key *key, uint64_t ticket,
                   struct bytes *record);
/* The ticket's ready comes at the next flush. 0 or SHOAL_ENOMEM. */
int log_ready_late(struct log_engine *log, uint64_t ticket);
int log_tickets_add(struct log_tickets *tickets, uint64_t ticket);
void log_ready_turn(struct log_engine *log);

/* ---- log_fetch.c ---- */

/* Reads entries of a partition in the background, those that nobody has read or is reading; the
 * first of them is what the ticket waits for. 0, SHOAL_ENOMEM, SHOAL_EOVERLOAD. */
int log_fetch(struct log_engine *log, uint32_t partition, const struct log_entry *entries,
              uint32_t count, uint64_t ticket);
/* What has arrived of the place; NULL: nothing. */
const struct log_item *log_fetched(const struct log_engine *log, struct log_place place);
/* The record lies elsewhere now; what is read, or being read, of the former place is as good. */
void log_fetch_moved(struct log_engine *log, struct log_place from, struct log_place to);
void log_fetch_forget_slot(struct log_engine *log, const struct log_slot *slot);
void log_fetch_deinit(struct log_engine *log);

/* ---- log_walk.c ---- */

int log_engine_walk(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                    engine_visit visit, void *self, uint64_t *next);
int log_engine_survey(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                      engine_survey_visit visit, void *self, uint64_t *next);

/* ---- log_drop.c ---- */

int log_engine_drop(struct engine *engine, uint32_t partition, uint64_t *sequence);
/* A step; false when there was nothing to do. */
bool log_drop_turn(struct log_engine *log);
void log_drop_deinit(struct log_engine *log);

/* ---- log_damage.c ---- */

/* The record at that place can't be read. 0 or SHOAL_ENOMEM. */
int log_damage_found(struct log_engine *log, uint32_t partition, struct log_place place);
/* Was the worker told? */
bool log_damage_told(const struct log_engine *log, struct log_place place);
void log_damage_tell(struct log_engine *log);
void log_damage_forget_slot(struct log_engine *log, const struct log_slot *slot);

/* ---- log_load.c ---- */

int log_load(struct log_engine *log, char text[512]);

/* ---- log_sweep.c ---- */

/* In the background: what the slot's hint says of this worker's partitions, entries and markers. */
void log_sweep_list(struct log_sweep *sweep, struct log_slot *slot);
/* In the background: reads and checks wanted entries from `from` on, as many as go in one read, and
 * sets from and to. 0; 1: none is wanted any more; SHOAL_ENOMEM. */
int log_sweep_read(struct log_sweep *sweep, size_t from);
/* The record of an entry that was read and is not damaged. */
void log_sweep_record(const struct log_sweep *sweep, const struct log_sweep_entry *entry,
                      struct log_record *out);
struct log_entry log_sweep_place(const struct log_sweep *sweep,
                                 const struct log_sweep_entry *entry);
/* Frees what it holds; no job runs. */
void log_sweep_end(struct log_sweep *sweep);

/* ---- log_compact.c, log_victim.c ---- */

void log_compact_init(struct log_engine *log);
void log_compact_turn(struct log_engine *log);
uint64_t log_compact_next_us(const struct log_engine *log);
/* There is nothing to compact. */
bool log_compact_idle(const struct log_engine *log);
/* The segment to compact next; NULL: none is worth it. */
struct log_slot *log_victim(struct log_engine *log);

/* ---- log_scrub.c ---- */

void log_scrub_init(struct log_engine *log);
void log_scrub_turn(struct log_engine *log);
uint64_t log_scrub_next_us(const struct log_engine *log);

/* ---- log_backup.c ---- */

int log_engine_backup(struct engine *engine, const char *folder, uint64_t ticket);
void log_backup_turn(struct log_engine *log);
void log_backup_deinit(struct log_engine *log);

#endif
