/* The disk port on a folder of a POSIX file system (Linux). Every call that is cut short goes on;
 * what the kernel couldn't do is an error, and the words for it are kept for the thread. It takes
 * no lock: that a data directory has one user is seen to by whoever opens it. */
#ifndef STORAGE_POSIX_DISK_H
#define STORAGE_POSIX_DISK_H

#include "base/histogram.h"
#include "storage/disk.h"

/* The folder, made if it isn't there (its parent must be) and then durable in its parent. 0,
 * SHOAL_ENOTFOUND, SHOAL_ENOSPC, SHOAL_EIO, SHOAL_ENOMEM; posix_disk_explain has the words. */
int posix_disk_open(const char *folder, struct disk **out);

/* After all its files are closed. */
void posix_disk_close(struct disk *disk);

/* Adds how long each sync of a file has taken so far, in microseconds. Any thread. */
void posix_disk_sync_times(struct disk *disk, struct histogram *out);

/* What the last error of any POSIX disk on this thread was. */
const char *posix_disk_explain(void);

#endif
