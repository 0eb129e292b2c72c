/* What a start would make of the entries of a partition, gathered from all segments: of each key
 * the highest sequence wins, and a drop hides what is below it. For counting. */
#ifndef STORAGE_LOG_TALLY_H
#define STORAGE_LOG_TALLY_H

#include "storage/log_hint.h"

struct log_tally_item {
    uint64_t position;
    uint64_t sequence;
    uint32_t bytes;
    uint16_t tag;
    uint8_t kind;
};

struct log_tally {
    struct log_tally_item *items;
    size_t count;
    size_t capacity;
    uint64_t dropped; /* the highest sequence of a drop */
};

void log_tally_init(struct log_tally *tally);
void log_tally_deinit(struct log_tally *tally);
void log_tally_clear(struct log_tally *tally);

/* Adds an entry, as a visitor of log_hint_read: 0 or SHOAL_ENOMEM. */
int log_tally_add(void *tally, const struct log_hint_entry *entry);

/* Adds to the sums what is alive among them. */
void log_tally_count(struct log_tally *tally, uint64_t *records, uint64_t *bytes);

#endif
