/* Which segments and hints lie in the folder. What isn't ours is passed over. */
#include <stdlib.h>

#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_volume_state.h"

/* Arrays grow by doubling: full when the count is a power of two. */
static void *array_grow(void *array, uint32_t count, size_t size)
{
    if ((count & (count - 1)) != 0) {
        return array;
    }
    return mem_realloc(array, (count == 0 ? 1 : 2 * (size_t)count) * size);
}

static void listed_add(struct log_listing *listing, struct log_listed **array, uint32_t *count,
                       struct log_listed item)
{
    struct log_listed *grown = array_grow(*array, *count, sizeof(**array));
    if (grown == NULL) {
        listing->error = SHOAL_ENOMEM;
        return;
    }
    *array = grown;
    (*array)[(*count)++] = item;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static void temporary_add(struct log_listing *listing, const char *name)
{
    void *grown =
        array_grow(listing->temporaries, listing->temporary_count, sizeof(*listing->temporaries));
    if (grown == NULL) {
        listing->error = SHOAL_ENOMEM;
        return;
    }
    listing->temporaries = grown;
    memcpy(listing->temporaries[listing->temporary_count++], name, strlen(name) + 1);
}

static void listing_visit(void *self, const char *name, uint64_t bytes)
{
    struct log_listing *listing = self;
    struct log_listed item = {.bytes = bytes};
    if (log_name_read(name, ".seg", &item.number)) {
        listed_add(listing, &listing->segments, &listing->segment_count, item);
    } else if (log_name_read(name, ".hint", &item.number)) {
        listed_add(listing, &listing->hints, &listing->hint_count, item);
    } else if (ends_with(name, ".tmp") || ends_with(name, ".new")) {
        temporary_add(listing, name);
    }
}

static int listed_compare(const void *a, const void *b)
{
    const struct log_listed *x = a;
    const struct log_listed *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

int log_listing_read(struct disk *disk, struct log_listing *out)
{
    struct log_listing listing = {0};
    int error = disk->ops->list(disk, listing_visit, &listing);
    error = error == 0 ? listing.error : error;
    if (error != 0) {
        log_listing_free(&listing);
        return error;
    }
    if (listing.segment_count > 0) {
        qsort(listing.segments, listing.segment_count, sizeof(*listing.segments), listed_compare);
    }
    if (listing.hint_count > 0) {
        qsort(listing.hints, listing.hint_count, sizeof(*listing.hints), listed_compare);
    }
    *out = listing;
    return 0;
}

void log_listing_free(struct log_listing *listing)
{
    mem_free(listing->segments);
    mem_free(listing->hints);
    mem_free(listing->temporaries);
    *listing = (struct log_listing){0};
}
