/* See log_tally.h. */
#include "storage/log_tally.h"

#include <stdlib.h>

#include "base/memory.h"
#include "shoal/error.h"

void log_tally_init(struct log_tally *tally)
{
    *tally = (struct log_tally){0};
}

void log_tally_deinit(struct log_tally *tally)
{
    mem_free(tally->items);
    *tally = (struct log_tally){0};
}

void log_tally_clear(struct log_tally *tally)
{
    tally->count = 0;
    tally->dropped = 0;
}

int log_tally_add(void *self, const struct log_hint_entry *entry)
{
    struct log_tally *tally = self;
    if (entry->kind == LOG_DROP && entry->sequence > tally->dropped) {
        tally->dropped = entry->sequence;
    }
    if (entry->kind != LOG_PUT && entry->kind != LOG_REMOVE) {
        return 0;
    }
    if (tally->count == tally->capacity) {
        size_t capacity = tally->capacity == 0 ? 1024 : 2 * tally->capacity;
        void *items = mem_realloc(tally->items, capacity * sizeof(*tally->items));
        if (items == NULL) {
            return SHOAL_ENOMEM;
        }
        tally->items = items;
        tally->capacity = capacity;
    }
    tally->items[tally->count++] = (struct log_tally_item){.position = entry->position,
                                                           .sequence = entry->sequence,
                                                           .bytes = entry->bytes,
                                                           .tag = entry->tag,
                                                           .kind = entry->kind};
    return 0;
}

/* By key, the winner first. */
static int item_compare(const void *a, const void *b)
{
    const struct log_tally_item *x = a;
    const struct log_tally_item *y = b;
    if (x->position != y->position) {
        return x->position < y->position ? -1 : 1;
    }
    if (x->tag != y->tag) {
        return x->tag < y->tag ? -1 : 1;
    }
    return x->sequence > y->sequence ? -1 : x->sequence < y->sequence;
}

void log_tally_count(struct log_tally *tally, uint64_t *records, uint64_t *bytes)
{
    if (tally->count > 0) {
        qsort(tally->items, tally->count, sizeof(*tally->items), item_compare);
    }
    for (size_t i = 0; i < tally->count; i++) {
        const struct log_tally_item *item = &tally->items[i];
        bool first = i == 0 || item[-1].position != item->position || item[-1].tag != item->tag;
        if (first && item->kind == LOG_PUT && item->sequence > tally->dropped) {
            (*records)++;
            *bytes += item->bytes;
        }
    }
}
