/* The two small files beside the lsm engine's database.
 *
 *      owner   "SHOALLSM" u32 format, u32 durability, u32 flags, u32 0, u64 boot,
 *              identity of this file (16), u64 XXH3 of these            56 bytes
 *      clean   "SHOALCLN" u32 format, u32 0, fingerprint of the database's files (u64),
 *              u64 XXH3 of these                                        32 bytes
 *
 * The owner's lasting identity (inode and birth) is not that of a copy's: who finds another in it
 * than the file has is not the folder that was written last. The fingerprint covers the names and
 * identities of all files of the database: whatever was put back, touched or exchanged since the
 * stop does not pass. */
#ifndef STORAGE_LSM_MARK_H
#define STORAGE_LSM_MARK_H

#include "storage/disk.h"

struct lsm_owner {
    uint32_t durability; /* enum lsm_durability, of the process that has it or had it last */
    bool behind;         /* not yet answered for: see lsm_store_losses_known */
    bool lost;
    bool made; /* the database was made: from then on it must be there */
    uint64_t boot;
    bool copied; /* read only: the file is a copy */
};

/* 0, SHOAL_ENOTFOUND, SHOAL_EPROTO (damaged), SHOAL_EVERSION, SHOAL_EIO. */
int lsm_owner_read(struct disk *disk, struct lsm_owner *out);

/* Durable when it returns 0. Errors of the disk. */
int lsm_owner_write(struct disk *disk, const struct lsm_owner *owner);

/* Of all files of the database as they are. Errors of the disk. */
int lsm_fingerprint(struct disk *database, uint64_t *out);

/* Is there a clean mark with this fingerprint? */
bool lsm_clean_read(struct disk *disk, uint64_t fingerprint);
int lsm_clean_write(struct disk *disk, uint64_t fingerprint);
/* Durably; 0 also when there is none. */
int lsm_clean_remove(struct disk *disk);

#endif
