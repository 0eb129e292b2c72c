/* Looks over the whole of a log that nobody has open, and changes nothing: every checksum of every
 * segment, hint and marker, and that each hint says what its segment says. It judges as recovery
 * does (log_scan.h): the torn tail of a crash is no damage. */
#ifndef STORAGE_LOG_VERIFY_H
#define STORAGE_LOG_VERIFY_H

#include "storage/disk.h"

struct log_verdict {
    uint32_t segments;
    uint64_t records; /* whole ones, also those that others hide */
    uint64_t bytes;   /* of segments */
    uint64_t live;    /* records that a start would serve, and their bytes on disk */
    uint64_t live_bytes;
    uint32_t damaged_places; /* in segments and markers */
    uint64_t damaged_bytes;
    uint32_t torn_tails;    /* which the next start cuts */
    uint32_t refused_files; /* segments that no start reads: of another log, or not to be read */
    uint32_t bad_hints;     /* which the next start makes again */
};

/* A place where something is wrong: the words say what, and whose records it held where that can be
 * told. All borrowed for the call. */
typedef void (*log_verify_place)(void *self, const char *file, uint64_t offset, uint64_t bytes,
                                 const char *what);

/* 0, whatever it found, or a code and the words for why it could not look: SHOAL_ENOTFOUND (there
 * is no log), SHOAL_EVERSION (of a newer version), SHOAL_ENOMEM, errors of the disk. Blocks. */
int log_verify(struct disk *disk, log_verify_place place, void *self, struct log_verdict *out,
               char text[512]);

#endif
