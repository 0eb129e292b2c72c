/* Writes segments as the log engine does, a batch at a time, and remembers what it wrote: for tests
 * of what reads them. Also small ways to look at files and to break them. */
#ifndef SUPPORT_LOG_WRITER_H
#define SUPPORT_LOG_WRITER_H

#include "base/arena.h"
#include "base/random.h"
#include "storage/log_format.h"
#include "storage/log_scan.h"
#include "storage/log_volume.h"

#define LOG_WRITER_RECORDS_MAX 4096u

/* A record as it was written. */
struct log_written {
    uint64_t offset;
    size_t size;
    uint64_t batch;   /* where its batch begins */
    uint64_t durable; /* the batch's mark */
    struct log_record record;
};

struct log_writer {
    struct disk *disk;
    struct disk_file *file;
    struct log_origin origin;
    struct arena arena;   /* of what was written */
    struct buffer batch;  /* being filled; its header first */
    uint32_t batch_count; /* records in it */
    uint64_t offset;      /* where the batch begins */
    uint64_t durable;
    uint64_t sequence;
    struct log_written written[LOG_WRITER_RECORDS_MAX];
    uint32_t count;
};

/* Writes into a file behind its header. The file stays the caller's. */
void log_writer_init(struct log_writer *writer, struct disk *disk, struct disk_file *file,
                     struct log_origin origin);
void log_writer_deinit(struct log_writer *writer);

/* Adds a put to the batch: a simple object with a value of that many bytes, whose dot's actor is
 * the partition + 1 and whose counter is the sequence. */
void log_writer_put(struct log_writer *writer, uint32_t partition, const char *key,
                    size_t value_bytes);
/* A record of that kind without a value. */
void log_writer_add(struct log_writer *writer, enum log_record_kind kind, uint32_t partition,
                    const char *key);

/* Writes the batch; `sync`: and makes it durable, so that the next one says so. 0 or the disk's
 * error. */
int log_writer_flush(struct log_writer *writer, bool sync);
int log_writer_seal(struct log_writer *writer);
/* What was written becomes durable, and the next batch says so. */
int log_writer_sync(struct log_writer *writer);

/* Is it one of those written, with every byte? Its index, or UINT32_MAX. */
uint32_t log_writer_find(const struct log_writer *writer, uint64_t offset,
                         const struct log_record *record);

/* ---- files ---- */

/* The whole file; to be freed with free(). */
uint8_t *log_file_content(struct disk *disk, const char *name, size_t *len);
/* Overwrites a part, whatever it does to the file, and syncs. */
void log_file_change(struct disk *disk, const char *name, uint64_t offset, struct bytes bytes);
void log_file_flip(struct disk *disk, const char *name, uint64_t offset, unsigned bit);
void log_file_cut(struct disk *disk, const char *name, uint64_t bytes);
/* What a newer version would have written in the place of a small file, its format apart; to be
 * freed with free(). */
uint8_t *log_file_newer(const uint8_t *content, size_t len);
bool log_file_exists(struct disk *disk, const char *name);

#endif
