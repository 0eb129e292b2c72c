/* A node's log: the folder of all segments, opened once for the node and shared by the engines of
 * its workers, which is why the number of workers may change between two starts. The volume knows
 * which segments there are and who still needs them; it recovers them after a crash; it gives out
 * numbers for new ones. What is in which segment is the engines' business.
 *
 * Opening ("log_recovery.c"): every segment gets a valid hint, by scanning where there is none. A
 * segment that ends in a torn batch, with nothing valid after it that says the place was durable,
 * is cut there; damage that something says was durable is rot: it is passed over, reported, and
 * what it may have held counts as lost, until a clean stop or log_volume_losses_known: a crash
 * before the holdings have begun anew must not hide it. A proven clean stop ("log_clean.c") lets
 * holdings go on.
 *
 * Thread-safe where marked; else used by one thread, before the engines are made or after. */
#ifndef STORAGE_LOG_VOLUME_H
#define STORAGE_LOG_VOLUME_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "storage/disk.h"
#include "storage/log_hint.h"

/* storage.durability */
enum log_durability { LOG_SYNC, LOG_INTERVAL, LOG_OS };

/* A segment that some engine needs. */
struct log_segment {
    struct log_origin origin;
    uint64_t first_sequence; /* of its header: records written anew in it are of this or higher */
    struct disk_file *file;  /* may be read by anyone at any time until the last user releases */
    uint64_t end;            /* valid bytes, when closed */
    uint64_t sequence_min;   /* over all its records, moved ones included, when closed */
    uint64_t sequence_max;
    bool damaged;          /* something in it was lost: compacted first, the damage is gone */
    struct log_hint *hint; /* of a segment found at opening, until log_volume_loaded */
    _Atomic uint32_t users;
    _Atomic bool gone; /* removed, and durably so: nothing in it can come back */
    struct queue link; /* the volume's */
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
    uint32_t refused_files; /* segments of another volume, or unreadable from their header on */
};

struct log_volume_options {
    struct disk *disk; /* borrowed; the volume's own folder */
    uint32_t partitions;
    enum log_durability durability;
    uint64_t boot;  /* of the machine's running, to know an unclean restart of the machine */
    uint64_t id;    /* for a folder that is empty: random; 0: from the kernel */
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
    bool read_only;
    struct log_segment **segments; /* found at opening, by number; closed and hinted */
    uint32_t segment_count;
    uint64_t sequence; /* no record has a higher one */
    _Atomic uint64_t next_number;
    bool resumed;   /* see struct engine */
    bool behind;    /* see struct engine; a copied folder too */
    bool copied;    /* this is not the folder that the last process wrote, but a copy */
    bool all_lost;  /* something was lost and it can't be told of which partitions */
    uint64_t *lost; /* a bit a partition */
    bool unsaved;   /* these were not made durable yet */
    bool same_boot; /* the process before ran since the machine was started */
    struct log_report report;
    _Atomic bool failed;  /* a write or sync of one engine failed: none confirms any more */
    pthread_mutex_t lock; /* of `created` */
    struct queue created; /* segments made since, by their link */
};

/* 0, or a code and the words for it: what happened, to which file, what to do. SHOAL_EVERSION: made
 * by a newer version; SHOAL_EINVAL: made for another number of partitions. Damage alone is no
 * error: see `report`, log_volume_lost. */
int log_volume_open(const struct log_volume_options *options, struct log_volume **out,
                    char text[512]);

/* After the engines are made, all of them: gives up the opening's own use of each segment found,
 * removes what nobody needs, as far as possible, and frees the hints. Blocks. */
void log_volume_loaded(struct log_volume *volume);

/* After the engines are freed; frees what segments they left. `clean`: all was durable, and every
 * engine was told to put its holdings' last word: the next start may go on with them. Blocks. */
void log_volume_close(struct log_volume *volume, bool clean);

bool log_volume_lost(const struct log_volume *volume, uint32_t partition);

/* Thread-safe. Every holding has durably begun anew after what `lost` and `behind` said: the next
 * start need not say it again. (A clean close does the same.) Blocks. Errors of the disk. */
int log_volume_losses_known(struct log_volume *volume);

/* Thread-safe. The number of the next segment: given out once, and it may stay unused. */
uint64_t log_volume_number(struct log_volume *volume);

/* Thread-safe. Creates the segment of that number: reserved, headed and its name durable before it
 * returns. Blocks. Errors of the disk; SHOAL_ENOSPC leaves nothing behind, and the number may be
 * tried again. Its one user is the caller. */
int log_volume_create(struct log_volume *volume, uint64_t number, uint64_t capacity,
                      uint64_t first_sequence, struct log_segment **out);

/* Thread-safe. Closes a segment that is written, its seal included (which is put where it is
 * missing): syncs it, writes its hint from a scan, cuts off what is not used, sets end, min and max
 * sequence. Blocks. 0, SHOAL_ENOMEM, or errors of the disk; SHOAL_EIO also when what was written
 * does not read back. */
int log_volume_seal(struct log_volume *volume, struct log_segment *segment);

/* Thread-safe. The user is done with it; the last one out closes the file and removes segment and
 * hint, durably, and sets `gone`. The struct stays until the volume is closed or forgets it.
 * Blocks. Errors of the disk: then it is not gone and may come back at the next start. */
int log_volume_release(struct log_volume *volume, struct log_segment *segment);

/* Thread-safe. Frees the struct of a segment that log_volume_create made and whose last user, the
 * caller, has released it; of others nothing happens. */
void log_volume_forget(struct log_volume *volume, struct log_segment *segment);

#endif
