/* A node's log: the folder of all segments, opened once for the node and shared by the engines of
 * its workers, which is why the number of workers may change between two starts. The volume knows
 * which segments there are and who still needs them; it recovers them after a crash; it gives out
 * numbers for new ones. What is in which segment is the engines' business.
 *
 * Opening ("log_recovery.c"): every segment gets a valid hint, by scanning where there is none. A
 * segment that ends in a torn batch, with nothing valid after it that says the place was durable,
 * is cut there; damage that something says was durable is rot: it is passed over, reported, and
 * what it may have held counts as lost. A proven clean stop ("log_clean.c") lets holdings go on.
 *
 * Thread-safe where marked; else used by one thread, before the engines are made or after. */
#ifndef STORAGE_LOG_VOLUME_H
#define STORAGE_LOG_VOLUME_H

#include <stdatomic.h>

#include "base/table.h"
#include "storage/disk.h"
#include "storage/log_hint.h"

/* storage.durability */
enum log_durability { LOG_SYNC, LOG_INTERVAL, LOG_OS };

/* A segment that some engine needs. */
struct log_segment {
    struct log_origin origin;
    struct disk_file *file; /* may be read by anyone at any time until the last user releases */
    uint64_t end;           /* valid bytes, when closed */
    uint64_t sequence_min;
    uint64_t sequence_max;
    struct log_hint *hint; /* until the engines have loaded it */
    _Atomic uint32_t users;
    _Atomic bool gone; /* removed, and durably so: nothing in it can come back */
};

struct log_progress {
    uint32_t segments;
    uint32_t segments_done;
    uint32_t scanned; /* had no valid hint */
    uint64_t bytes;
    uint64_t bytes_done;
};

struct log_report {
    uint32_t torn_tails;
    uint64_t torn_bytes;
    uint32_t damaged_places; /* rot */
    uint64_t damaged_bytes;
    uint32_t refused_files;  /* segments of another volume, or unreadable from their header on */
};

struct log_volume_options {
    struct disk *disk; /* borrowed; the volume's own folder */
    uint32_t partitions;
    enum log_durability durability;
    uint64_t boot; /* of the machine's running, to know an unclean restart of the machine */
    bool read_only; /* for verifying: nothing is written, cut or removed */
    /* Every now and then; NULL: no interest. */
    void (*progress)(void *self, const struct log_progress *progress);
    void *progress_self;
};

struct log_volume {
    struct disk *disk;
    uint64_t id; /* random, made with the folder */
    uint32_t partitions;
    enum log_durability durability;
    struct log_segment **segments; /* found at opening, by number; closed and hinted */
    uint32_t segment_count;
    uint64_t sequence; /* the highest found */
    _Atomic uint64_t next_number;
    bool resumed;         /* see struct engine */
    bool behind;          /* see struct engine */
    bool all_lost;        /* something was lost and it can't be told of which partitions */
    uint64_t *lost;       /* a bit a partition */
    struct log_report report;
};

/* 0, or a code and the words for it: what happened, to which file, what to do. SHOAL_EVERSION: made
 * by a newer version. */
int log_volume_open(const struct log_volume_options *options, struct log_volume **out,
                    char text[512]);

/* After the engines are freed. `clean`: all was durable, and every engine was told to put its
 * holdings' last word: the next start may go on with them. */
void log_volume_close(struct log_volume *volume, bool clean);

bool log_volume_lost(const struct log_volume *volume, uint32_t partition);

/* Thread-safe. Creates the next segment: reserved, headed and its name durable before it returns.
 * Blocks. Errors of the disk; SHOAL_ENOSPC leaves nothing behind. Its one user is the caller. */
int log_volume_create(struct log_volume *volume, uint64_t capacity, uint64_t first_sequence,
                      struct log_segment **out);

/* Thread-safe. The user is done with it; the last one out removes segment and hint, durably, and
 * sets `gone`. The struct stays until the volume is closed. Blocks. */
int log_volume_release(struct log_volume *volume, struct log_segment *segment);

/* Scans a segment from its header to its end. Calls for each whole record; damage is passed over
 * where a later batch can be found. Blocks. Used by recovery and by verifying. */
struct log_scan_result {
    uint64_t end;     /* after the last valid batch */
    bool sealed;
    uint64_t torn;    /* bytes cut off at the end */
    uint32_t damaged; /* places of rot, and how many bytes */
    uint64_t damaged_bytes;
    bool shortened; /* the file is shorter than it was made, and has no seal */
};
typedef int (*log_scan_visit)(void *self, uint64_t offset, size_t size,
                              const struct log_record *record);
int log_scan(struct disk_file *file, const struct log_header *header, log_scan_visit visit,
             void *self, struct log_scan_result *out);

#endif
