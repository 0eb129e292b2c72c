/* A disk in memory that fails as disks do, for tests of what stands on the disk port: it keeps what
 * was synced, loses, tears and corrupts what was not, refuses calls by plan or by chance, is full,
 * lies about syncs and rots. Everything random comes from its seed and from the generators that
 * calls are given, so that a run can be repeated. After SQLite's crash tests (test6.c), which keep,
 * drop or scramble unsynced writes; the folder's entries are treated alike, because POSIX promises
 * nothing for a name before its folder was synced. For one thread. */
#ifndef SUPPORT_MODEL_DISK_H
#define SUPPORT_MODEL_DISK_H

#include "base/random.h"
#include "storage/disk.h"

/* Calls of the port, as a mask. */
enum model_call {
    MODEL_LIST = 1u << 0,
    MODEL_OPEN = 1u << 1, /* of what is there */
    MODEL_CREATE = 1u << 2,
    MODEL_SIZE = 1u << 3,
    MODEL_RESERVE = 1u << 4,
    MODEL_WRITE = 1u << 5,
    MODEL_READ = 1u << 6,
    MODEL_READ_NOW = 1u << 7,
    MODEL_SYNC = 1u << 8,
    MODEL_TRUNCATE = 1u << 9,
    MODEL_RENAME = 1u << 10,
    MODEL_REMOVE = 1u << 11,
    MODEL_SYNC_FOLDER = 1u << 12,
    MODEL_IDENTITY = 1u << 13,
    MODEL_DUPLICATE = 1u << 14,
    MODEL_SPACE = 1u << 15,
    MODEL_MAP = 1u << 16,
    MODEL_CHANGES = MODEL_CREATE | MODEL_RESERVE | MODEL_WRITE | MODEL_SYNC | MODEL_TRUNCATE |
                    MODEL_RENAME | MODEL_REMOVE | MODEL_SYNC_FOLDER | MODEL_DUPLICATE,
    MODEL_ALL = (1u << 17) - 1,
};

/* Calls that fail. A write that fails has written any prefix; a sync that fails has lost any of
 * what it should have made durable, and no later one brings it back, though it can still be read.
 */
struct model_fault {
    uint32_t calls;     /* which: mask of enum model_call */
    const char *suffix; /* only of files whose name ends so; NULL: of all. Stays the caller's */
    uint64_t nth;       /* the nth such call from now (1 is the next); 0: by rate */
    bool lasting;       /* and all such calls after it */
    double rate;        /* the probability, when nth is 0 */
    int code;           /* SHOAL_EIO, SHOAL_ENOSPC */
    bool stops;         /* the world stops there, see model_disk_stop_at */
};

#define MODEL_FAULTS_MAX 8u

/* How a process ends. */
enum model_crash {
    MODEL_KILL,          /* kill -9: the page cache stays, nothing is lost and nothing is synced */
    MODEL_POWER_ANY,     /* power loss: each change kept, dropped, torn or corrupted by itself */
    MODEL_POWER_ORDERED, /* everything up to a moment is kept, what happened then is torn */
    MODEL_POWER_DROP,    /* everything that was not synced is lost */
    MODEL_POWER_KEEP,    /* everything is kept */
};

struct model_disk;

/* What tests turn; all zeros is a well-behaved disk. */
struct model_disk_options {
    uint64_t capacity_bytes; /* 0: no bound. Files count by their size */
    double cold_rate;        /* how often read_now says that it is not in memory; 1: always */
    double lying_rate;       /* how often sync and sync_folder say 0 and do nothing */
};

struct model_disk *model_disk_new(uint64_t seed);
void model_disk_free(struct model_disk *disk); /* all handles are closed; NULL is fine */

/* The port. */
struct disk *model_disk_port(struct model_disk *disk);

/* May be changed at any time. */
struct model_disk_options *model_disk_options(struct model_disk *disk);

/* ---- failures ---- */

/* Adds one; at most MODEL_FAULTS_MAX. */
void model_disk_fault(struct model_disk *disk, const struct model_fault *fault);
/* No more faults; what they did stays done. */
void model_disk_mend(struct model_disk *disk);

/* How many calls that change something (MODEL_CHANGES) were made so far. */
uint64_t model_disk_changes(const struct model_disk *disk);

/* The world stops at the nth such call from now (1 is the next), before it has done anything or
 * after it has done its work; it and every later call of any kind fails until a crash. For sweeps:
 * run once to count the calls, then again for each of them. 0: it doesn't stop. */
void model_disk_stop_at(struct model_disk *disk, uint64_t nth, bool after);
/* It stops now. */
void model_disk_stop(struct model_disk *disk);
bool model_disk_stopped(const struct model_disk *disk);

/* While it is calm nothing fails, nothing is cold, no sync lies and no call is counted: for looking
 * at what is there without changing the course of things. */
void model_disk_calm(struct model_disk *disk, bool calm);

/* The process ends in that way: open handles are dead (they only want to be closed), the disk is no
 * longer stopped, faults and options stay. Returns how many changes were not kept as they were. */
uint64_t model_disk_crash(struct model_disk *disk, struct random *random, enum model_crash how);

/* Flips a bit of a file: false when there is none of that name or it is shorter. */
bool model_disk_flip(struct model_disk *disk, const char *name, uint64_t offset, unsigned bit);
/* Somebody cuts the file to so many bytes, whole pages: false when there is none of that name or it
 * is shorter. Where it is mapped, the pages behind are gone, as if all were touched at once. */
bool model_disk_cut(struct model_disk *disk, const char *name, uint64_t bytes);
/* Flips a bit anywhere in one of the files whose name ends so: false when they are all empty. */
bool model_disk_rot(struct model_disk *disk, struct random *random, const char *suffix);

/* ---- the whole of it ---- */

/* All files as they are seen now, on another disk, synced, with other identities: what `cp -r`
 * makes of a folder. */
struct model_disk *model_disk_copy(const struct model_disk *disk, uint64_t seed);

/* All files are gone, durably; open handles are dead. */
void model_disk_wipe(struct model_disk *disk);

/* The folder that `duplicate` put files into, as a disk of its own, which belongs to this one:
 * empty when there was none. */
struct model_disk *model_disk_folder(struct model_disk *disk, const char *path);

/* Files as they are seen: how many there are whose name ends so ("" for all) and their bytes. */
uint32_t model_disk_count(const struct model_disk *disk, const char *suffix, uint64_t *bytes);

/* Puts a synced file of that content there, in the place of what may be there. */
void model_disk_put_file(struct model_disk *disk, const char *name, struct bytes content);

#endif
