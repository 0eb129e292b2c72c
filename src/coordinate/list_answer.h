/* What a list has found so far: the keys that are live when all pages of their partition are
 * merged, with values if these were asked for, up to as many and as much as one answer carries. */
#ifndef COORDINATE_LIST_ANSWER_H
#define COORDINATE_LIST_ANSWER_H

#include "base/arena.h"
#include "coordinate/list_pages.h"
#include "coordinate/list_window.h"
#include "coordinate/request.h"

struct list_answer {
    struct arena arena; /* keys and values */
    struct list_entry *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t limit; /* keys */
    size_t bytes;
    bool with_values;
};

/* `limit` 0 is LIMIT_LIST_KEYS, which is also the most. */
void list_answer_init(struct list_answer *answer, uint32_t limit, bool with_values);
void list_answer_deinit(struct list_answer *answer);

bool list_answer_full(const struct list_answer *answer);
struct list_amount list_answer_held(const struct list_answer *answer);
/* What it may still take; nothing of one of the two when it is full. */
struct list_amount list_answer_left(const struct list_answer *answer);

/* Takes what the pages have to say of keys live at `now_ms`, whole positions until it is full: 0
 * and *next where to go on in their partition (pages->end: nowhere), or a negative code. `scratch`
 * is for the merging. */
int list_answer_take(struct list_answer *answer, struct arena *scratch, uint64_t now_ms,
                     struct list_pages *pages, uint64_t *next);

#endif
