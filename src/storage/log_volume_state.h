/* What the files of the volume share: opening (log_volume.c) goes through markers (log_clean.c) and
 * segments (log_recovery.c). */
#ifndef STORAGE_LOG_VOLUME_STATE_H
#define STORAGE_LOG_VOLUME_STATE_H

#include "storage/log_file.h"
#include "storage/log_scan.h"
#include "storage/log_volume.h"

#define LOG_TEXT_BYTES 512u

/* Writes the words and returns the code. */
int log_volume_refuse(char text[LOG_TEXT_BYTES], int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A call of the disk failed: the words say which. */
int log_volume_disk_failed(struct log_volume *volume, int code, char text[LOG_TEXT_BYTES]);

/* ---- log_listing.c: the files of the folder by kind, as it is now ---- */

struct log_listed {
    uint64_t number;
    uint64_t bytes;
};

struct log_listing {
    struct log_listed *segments; /* by number, ascending */
    uint32_t segment_count;
    struct log_listed *hints; /* likewise */
    uint32_t hint_count;
    char (*temporaries)[DISK_NAME_BYTES]; /* files that were under way */
    uint32_t temporary_count;
    int error; /* while it is read */
};

/* 0, SHOAL_ENOMEM, errors of the disk. */
int log_listing_read(struct disk *disk, struct log_listing *out);
void log_listing_free(struct log_listing *listing);

/* ---- log_clean.c: what the process before left, and what the next one will want to know ---- */

extern const struct log_file log_volume_file;
extern const struct log_file log_running_file;
extern const struct log_file log_clean_file;
extern const struct log_file log_lost_file; /* of log_lost.c */

#define LOG_VOLUME_BODY_BYTES 16u /* u64 id, u32 partitions, u32 0 */

/* Reads or makes the file "volume": sets id. */
int log_clean_identify(struct log_volume *volume, const struct log_volume_options *options,
                       const struct log_listing *listing, char text[LOG_TEXT_BYTES]);

/* Reads the markers: sets resumed, behind, copied, lost, and raises next_number and sequence. */
int log_clean_begin(struct log_volume *volume, const struct log_volume_options *options,
                    const struct log_listing *listing, char text[LOG_TEXT_BYTES]);

/* From here on an end of the process is an unclean one. */
int log_clean_running(struct log_volume *volume, const struct log_volume_options *options,
                      char text[LOG_TEXT_BYTES]);

/* Writes the clean record: all files are closed. */
int log_clean_end(struct log_volume *volume);

/* Reads one of the small files: 0, 1 when there is none or none to be believed (*damaged says
 * which), or a failure with its words. */
int log_marker_read(struct log_volume *volume, const struct log_file *file, struct buffer *body,
                    bool *damaged, char text[LOG_TEXT_BYTES]);

/* ---- log_lost.c ---- */

/* Not yet durable: `unsaved` is set when that is news. */
void log_lost_add(struct log_volume *volume, uint32_t partition);
void log_lost_add_all(struct log_volume *volume);

/* Adds what openings before have found. */
int log_lost_read(struct log_volume *volume, char text[LOG_TEXT_BYTES]);

/* Makes durable what is unsaved; on a full disk it stays unsaved. 0, SHOAL_ENOMEM, errors of the
 * disk but SHOAL_ENOSPC. */
int log_lost_save(struct log_volume *volume);

/* ---- log_recovery.c ---- */

/* Every segment of the listing gets a valid hint and its place in volume->segments, or is refused.
 */
int log_recovery_run(struct log_volume *volume, const struct log_volume_options *options,
                     const struct log_listing *listing, char text[LOG_TEXT_BYTES]);

/* ---- log_seal.c: from a segment to its hint ---- */

/* What a scan found, and a builder filled from it. */
struct log_census {
    struct log_hint_builder *builder; /* to be freed, also after a failure */
    uint32_t partitions; /* for data and hints: what names others is no record of ours */
    struct log_scan_result result;
};

/* `durable` as for log_scan. 0, SHOAL_ENOMEM, SHOAL_EIO. */
int log_census_take(struct disk *disk, struct disk_file *file, const struct log_header *header,
                    uint64_t durable, uint32_t partitions, struct log_census *out);

/* Writes again what the process before may have failed to sync, and syncs it: a page whose
 * write-back failed reads well, but is clean for the kernel, and no later sync alone brings it to
 * the disk. 0, SHOAL_ENOMEM, errors of the disk. */
int log_segment_rewrite(struct disk *disk, struct disk_file *file, const struct log_census *census);

/* Makes the segment of a census, which is synced, what a closed one is: sealed, cut behind the
 * seal, and hinted. verdict->end is where it ends, and may be moved behind a new seal. 0,
 * SHOAL_ENOMEM, errors of the disk; SHOAL_ENOSPC: it has no hint, which can be made again. */
int log_segment_finish(struct disk *disk, struct disk_file *file, const struct log_origin *origin,
                       struct log_census *census, struct log_hint_verdict *verdict);

#endif
