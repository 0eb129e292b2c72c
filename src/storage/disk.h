/* The disk port: a folder with files, as durable engines use it. Every call blocks: at start and
 * in tools it is made directly, at work from within an offload's jobs (but read_now). The POSIX
 * implementation is posix_disk.c; the simulator's keeps, drops, tears and corrupts what was not
 * synced. Calls for different files, and reads of one file, may be made at the same time.
 *
 * Errors: SHOAL_ENOSPC (disk or quota full), SHOAL_ENOTFOUND, SHOAL_EIO (all else), SHOAL_ENOMEM;
 * `disk->ops->explain` gives the words for a log. */
#ifndef STORAGE_DISK_H
#define STORAGE_DISK_H

#include <stdatomic.h>

#include "base/bytes.h"

struct disk;
struct disk_file;

#define DISK_NAME_BYTES 64u

/* What tells a file from every copy of it: inode and time of birth, which no ordinary use changes;
 * then change time and device, which tell it also from itself changed. */
#define DISK_IDENTITY_BYTES 32u
#define DISK_IDENTITY_LASTING_BYTES 16u /* the first of them */

/* A file as memory. */
struct disk_map {
    uint8_t *memory;
    /* Set once a page of it is gone: the file was cut short by somebody, or the disk can't give the
     * page back. What was there is zeros then, and what is written there is memory alone. Valid
     * until it is unmapped. */
    const atomic_bool *lost;
};

enum disk_open {
    DISK_OPEN_READ,   /* must be there */
    DISK_OPEN_CREATE, /* must not be there; read and write */
    DISK_OPEN_WRITE,  /* must be there; read and write */
};

struct disk_ops {
    /* Each file in the folder, in no order; other things, and names that are too long to be ours,
     * are passed over. */
    int (*list)(struct disk *disk, void (*visit)(void *self, const char *name, uint64_t bytes),
                void *self);
    int (*open)(struct disk *disk, const char *name, enum disk_open how, struct disk_file **out);
    void (*close)(struct disk_file *file);
    int (*size)(struct disk_file *file, uint64_t *bytes);
    /* Makes the file so long, of zeros, with its space reserved where the file system can. */
    int (*reserve)(struct disk_file *file, uint64_t bytes);
    /* All of it, or an error, and then any part of it may have been written. */
    int (*write)(struct disk_file *file, uint64_t offset, struct bytes bytes);
    /* As much as there is, up to len. */
    int (*read)(struct disk_file *file, uint64_t offset, void *out, size_t len, size_t *got);
    /* The same without blocking: 1 when not all of it is in memory. */
    int (*read_now)(struct disk_file *file, uint64_t offset, void *out, size_t len, size_t *got);
    /* What was written to the file is durable (fdatasync; the folder's entry is another matter). */
    int (*sync)(struct disk_file *file);
    int (*truncate)(struct disk_file *file, uint64_t bytes);
    /* The first `bytes` of the file, which were all written before, as memory: what is written
     * there is the file's at once, outlives the process and is durable by sync. All of it is at
     * hand when this returns, and stays so as far as the system allows it, so that touching it
     * meets neither a full disk nor a bad one; where it meets one all the same, see struct
     * disk_map. One thread at a time touches it. At most one at a time of a file; it is given back
     * before the file is closed. */
    int (*map)(struct disk_file *file, uint64_t bytes, struct disk_map *out);
    void (*unmap)(struct disk_file *file, uint8_t *memory, uint64_t bytes);
    int (*rename)(struct disk *disk, const char *from, const char *to); /* replaces `to` */
    int (*remove)(struct disk *disk, const char *name);
    /* Creations, renames and removals are durable. */
    int (*sync_folder)(struct disk *disk);
    int (*identity)(struct disk *disk, const char *name, uint8_t out[DISK_IDENTITY_BYTES]);
    /* The file under its name in another folder (absolute path), durably: by a hard link where
     * possible, else by a copy. With `bytes` not UINT64_MAX always a copy, of so many bytes. A file
     * of that name there is taken for the same: done. */
    int (*duplicate)(struct disk *disk, const char *name, const char *folder, uint64_t bytes);
    /* Free bytes of the file system, for messages. */
    int (*space)(struct disk *disk, uint64_t *bytes_free);
    /* What the last error on this thread was, as "sync NAME: Input/output error". */
    const char *(*explain)(struct disk *disk);
};

struct disk {
    const struct disk_ops *ops;
};

#endif
