/* The pages that several owners answered of one partition, walked together key by key. */
#ifndef COORDINATE_LIST_PAGES_H
#define COORDINATE_LIST_PAGES_H

#include "coordinate/side.h"
#include "wire/messages.h"

struct list_page {
    struct message_scanned scanned;
    uint32_t at;      /* the next of its entries */
    struct side side; /* its clock, and what it has of the key at hand */
};

struct list_pages {
    struct list_page *pages; /* in the arena */
    uint32_t count;
    struct side *sides; /* in the arena; scratch for one key */
    uint64_t until;     /* where their common knowledge ends, ... */
    bool end;           /* ... unless they all reach to the end */
};

/* Takes the answers of the voted, payloads by target: 0 or a negative code. */
int list_pages_open(struct arena *arena, const struct buffer *answers, uint64_t voted,
                    struct list_pages *out);
void list_pages_close(struct list_pages *pages);

/* The next key that all have told about: its smallest entry; NULL when there is none. */
const struct scan_entry *list_pages_next(const struct list_pages *pages);

/* Merges what they say of that key under their clocks, and goes on behind it. 0 or a negative code.
 */
int list_pages_take(struct arena *arena, struct list_pages *pages, const struct scan_entry *entry,
                    struct object *out);

#endif
