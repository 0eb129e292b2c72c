/* Walking pages together. See list_pages.h. An owner that has nothing of a key has an opinion all
 * the same: its clock may know that what another lists is gone. */
#include "coordinate/list_pages.h"

#include "base/mutant.h"
#include "shoal/error.h"

static int list_entry_compare(const struct scan_entry *a, const struct scan_entry *b)
{
    if (a->position != b->position) {
        return a->position < b->position ? -1 : 1;
    }
    return bytes_compare(a->key, b->key);
}

static int list_page_open(struct arena *arena, struct bytes payload, struct list_page *page)
{
    page->at = 0;
    side_init(&page->side);
    int result = message_scanned_decode(payload, arena, &page->scanned);
    return result < 0 ? result : side_read_clock(&page->side, page->scanned.clock);
}

int list_pages_open(struct arena *arena, const struct buffer *answers, uint64_t voted,
                    struct list_pages *out)
{
    uint32_t count = (uint32_t)__builtin_popcountll(voted);
    *out = (struct list_pages){.until = UINT64_MAX, .end = true};
    out->pages = arena_alloc_array(arena, count + 1, sizeof(*out->pages));
    out->sides = arena_alloc_array(arena, count + 1, sizeof(*out->sides));
    if (out->pages == NULL || out->sides == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint64_t rest = voted; rest != 0; rest &= rest - 1) {
        struct list_page *page = &out->pages[out->count++];
        int result = list_page_open(arena, buffer_bytes(&answers[__builtin_ctzll(rest)]), page);
        if (result < 0) {
            return result;
        }
        if (!page->scanned.end) {
            out->until = page->scanned.next < out->until ? page->scanned.next : out->until;
            out->end = false;
        }
    }
    return 0;
}

void list_pages_close(struct list_pages *pages)
{
    for (uint32_t i = 0; i < pages->count; i++) {
        side_deinit(&pages->pages[i].side);
    }
}

const struct scan_entry *list_pages_next(const struct list_pages *pages)
{
    const struct scan_entry *smallest = NULL;
    for (uint32_t i = 0; i < pages->count; i++) {
        const struct list_page *page = &pages->pages[i];
        if (page->at < page->scanned.count) {
            const struct scan_entry *entry = &page->scanned.entries[page->at];
            if ((pages->end || entry->position < pages->until || MUTANT(list_past_page)) &&
                (smallest == NULL || list_entry_compare(entry, smallest) < 0)) {
                smallest = entry;
            }
        }
    }
    return smallest;
}

int list_pages_take(struct arena *arena, struct list_pages *pages, const struct scan_entry *entry,
                    struct object *out)
{
    struct scan_entry wanted = *entry;
    for (uint32_t i = 0; i < pages->count; i++) {
        struct list_page *page = &pages->pages[i];
        page->side.object = object_empty();
        if (page->at < page->scanned.count &&
            list_entry_compare(&page->scanned.entries[page->at], &wanted) == 0) {
            struct bytes encoded = page->scanned.entries[page->at].object;
            int result = object_decode(arena, encoded, &page->side.object);
            if (result < 0) {
                return result;
            }
            page->at++;
        }
        pages->sides[i] = page->side;
    }
    return side_merge(arena, pages->sides, pages->count, out);
}
