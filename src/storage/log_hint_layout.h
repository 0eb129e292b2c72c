/* Where things are in a hint file: for the files that write and read it. See log_hint.h. */
#ifndef STORAGE_LOG_HINT_LAYOUT_H
#define STORAGE_LOG_HINT_LAYOUT_H

#include "base/byteorder.h"
#include "storage/log_hint.h"

#define HINT_HEAD_BYTES 96u
#define HINT_GROUP_BYTES 32u
#define HINT_PLACE_BYTES 16u
#define HINT_ENTRY_BYTES 44u

static const char hint_magic[8] = {'S', 'H', 'O', 'A', 'L', 'H', 'N', 'T'};

enum {
    HINT_FLAG_DAMAGED = 1,
    HINT_FLAG_REFUSED = 2,
    HINT_FLAGS = HINT_FLAG_DAMAGED | HINT_FLAG_REFUSED,
    HINT_ENTRY_SIMPLE = 1,
    HINT_ENTRY_TOMBSTONE = 2,
    HINT_ENTRY_EXPIRES = 4,
    HINT_ENTRY_FLAGS = HINT_ENTRY_SIMPLE | HINT_ENTRY_TOMBSTONE | HINT_ENTRY_EXPIRES,
};

/* The head. */
enum {
    HINT_AT_FORMAT = 8,
    HINT_AT_FLAGS = 12,
    HINT_AT_VOLUME = 16,
    HINT_AT_NUMBER = 24,
    HINT_AT_END = 32,
    HINT_AT_FIRST_SEQUENCE = 40,
    HINT_AT_SEQUENCE_MIN = 48,
    HINT_AT_SEQUENCE_MAX = 56,
    HINT_AT_GROUPS = 64,
    HINT_AT_PLACES = 68,
    HINT_AT_INDEX_CHECKSUM = 72,
    HINT_AT_ZERO = 80,
    HINT_AT_CHECKSUM = 88,
};

/* A group in the table. */
enum {
    HINT_GROUP_AT_PARTITION = 0,
    HINT_GROUP_AT_ZERO = 4,
    HINT_GROUP_AT_ENTRIES = 8,
    HINT_GROUP_AT_OFFSET = 16,
    HINT_GROUP_AT_CHECKSUM = 24,
};

/* An entry. */
enum {
    HINT_ENTRY_AT_SEQUENCE = 0,
    HINT_ENTRY_AT_POSITION = 8,
    HINT_ENTRY_AT_ACTOR = 16,
    HINT_ENTRY_AT_COUNTER = 24,
    HINT_ENTRY_AT_OFFSET = 32,
    HINT_ENTRY_AT_SIZE = 36,
    HINT_ENTRY_AT_TAG = 40,
    HINT_ENTRY_AT_KIND = 42,
    HINT_ENTRY_AT_FLAGS = 43,
};

/* The whole file, as log_hint_write writes it. 0 or SHOAL_ENOMEM. */
int log_hint_encode(const struct log_hint_builder *builder, const struct log_hint_verdict *verdict,
                    struct buffer *out);

/* The reader of an image in memory, which it takes over on success: 0, SHOAL_EPROTO,
 * SHOAL_EVERSION, SHOAL_ENOMEM. */
int log_hint_from_image(struct buffer *image, const struct log_origin *origin,
                        struct log_hint **out);

#endif
