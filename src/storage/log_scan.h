/* Reads a segment from its header to its end, believing nothing that has no checksum. It tells a
 * torn tail, which a crash leaves and which is cut, from rot, which is passed over:
 *
 *      .--------.-------.-------.~~~~~~~.-------.      a batch at o doesn't check out:
 *      | header | batch | batch |   o   | batch |
 *      '--------'-------'-------'~~~~~~~'-------'
 *      some later batch says that o was durable before it   rot: what checks out there is kept, the
 *                                                           rest is a damaged place
 *      no later batch says so                               torn: all from o on is cut
 *
 * Rot is also what the disk can't read, and what is missing from a file that is shorter than it was
 * made and has no seal. Memory is bounded by the largest record. */
#ifndef STORAGE_LOG_SCAN_H
#define STORAGE_LOG_SCAN_H

#include "storage/disk.h"
#include "storage/log_format.h"

struct log_scan_result {
    uint64_t end; /* after the last valid batch; what follows it is cut or never was written */
    bool sealed;
    uint64_t durable; /* the highest mark of a valid batch: all before was durable */
    uint64_t torn;    /* bytes cut off at the end */
    uint32_t damaged; /* places of rot, and how many bytes */
    uint64_t damaged_bytes;
    bool shortened; /* the file is shorter than it was made, and has no seal */
    uint64_t read;  /* bytes of the file that were looked at */
};

struct log_scan_events {
    void *self;
    /* Each whole record, in order. The record is borrowed for the call. A negative code ends
     * the scan, which returns it; else 0. */
    int (*record)(void *self, uint64_t offset, size_t size, const struct log_record *record);
    /* Each damaged place, in order; NULL: no interest. */
    void (*damage)(void *self, uint64_t offset, uint64_t bytes);
};

/* Reads and checks a segment's header: 0, SHOAL_EPROTO, SHOAL_EVERSION, or errors of the disk. */
int log_scan_header(struct disk *disk, struct disk_file *file, struct log_header *out);

/* `durable`: the caller knows that all before this offset was durable and valid; else 0. Blocks. 0,
 * SHOAL_ENOMEM, SHOAL_EIO (the file's size is not to be had). */
int log_scan(struct disk *disk, struct disk_file *file, const struct log_header *header,
             uint64_t durable, const struct log_scan_events *events, struct log_scan_result *out);

#endif
