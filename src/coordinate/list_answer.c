/* Pages end only between positions: the keys of one are taken together, a few more than the limit
 * if need be, so that where a list goes on is a position and nothing is skipped or told twice. See
 * list_answer.h. */
#include "coordinate/list_answer.h"

#include "base/limits.h"
#include "base/memory.h"
#include "model/shown.h"
#include "shoal/error.h"

#define LIST_ANSWER_BYTES (16u * LIMIT_MIB)
#define LIST_ANSWER_FEW 64u /* keys there is room for at first */

void list_answer_init(struct list_answer *answer, uint32_t limit, bool with_values)
{
    *answer = (struct list_answer){
        .limit = limit == 0 || limit > LIMIT_LIST_KEYS ? LIMIT_LIST_KEYS : limit,
        .with_values = with_values,
    };
    arena_init(&answer->arena, 0);
}

void list_answer_deinit(struct list_answer *answer)
{
    arena_deinit(&answer->arena);
    mem_free(answer->entries);
}

bool list_answer_full(const struct list_answer *answer)
{
    return answer->count >= answer->limit || answer->bytes >= LIST_ANSWER_BYTES;
}

struct list_amount list_answer_held(const struct list_answer *answer)
{
    return (struct list_amount){.keys = answer->count, .bytes = answer->bytes};
}

struct list_amount list_answer_left(const struct list_answer *answer)
{
    return (struct list_amount){
        .keys = answer->count < answer->limit ? answer->limit - answer->count : 0,
        .bytes = answer->bytes < LIST_ANSWER_BYTES ? LIST_ANSWER_BYTES - answer->bytes : 0,
    };
}

/* What the key shows first: 1, 0 when it shows nothing, or a negative code. Without values counters
 * have no bytes that could be joined. */
static int list_answer_show(const struct list_answer *answer, struct arena *scratch,
                            uint64_t now_ms, const struct object *object, struct bytes *out)
{
    const struct sibling *winner = object_winner(object, now_ms);
    if (winner == NULL || !answer->with_values || winner->kind != SIBLING_COUNTER) {
        *out = winner == NULL ? bytes_make(NULL, 0) : winner->value;
        return winner == NULL ? 0 : 1;
    }
    const struct shown *shown;
    uint32_t count;
    int result = object_show(scratch, object, now_ms, &shown, &count);
    *out = result < 0 ? bytes_make(NULL, 0) : shown[0].value;
    return result < 0 ? result : 1;
}

static int list_answer_reserve(struct list_answer *answer)
{
    if (answer->count < answer->capacity) {
        return 0;
    }
    uint32_t capacity = answer->capacity == 0 ? LIST_ANSWER_FEW : answer->capacity * 2;
    struct list_entry *grown = mem_realloc(answer->entries, capacity * sizeof(*grown));
    if (grown == NULL) {
        return SHOAL_ENOMEM;
    }
    answer->entries = grown;
    answer->capacity = capacity;
    return 0;
}

/* Copies bytes into the answer, where empty is not absent: 0 or SHOAL_ENOMEM. */
static int list_answer_copy(struct list_answer *answer, struct bytes from, struct bytes *to)
{
    *to = from.len == 0 ? bytes_make((const uint8_t *)"", 0) : arena_copy(&answer->arena, from);
    return to->data == NULL ? SHOAL_ENOMEM : 0;
}

static int list_answer_add(struct list_answer *answer, struct bytes key, struct bytes value)
{
    struct list_entry entry = {0};
    int result = list_answer_reserve(answer);
    if (result == 0) {
        result = list_answer_copy(answer, key, &entry.key);
    }
    if (result == 0 && answer->with_values) {
        result = list_answer_copy(answer, value, &entry.value);
    }
    if (result == 0) {
        answer->entries[answer->count++] = entry;
        answer->bytes += entry.key.len + entry.value.len;
    }
    return result;
}

int list_answer_take(struct list_answer *answer, struct arena *scratch, uint64_t now_ms,
                     struct list_pages *pages, uint64_t *next)
{
    const struct scan_entry *entry;
    uint64_t last = 0;
    *next = pages->until;
    while ((entry = list_pages_next(pages)) != NULL) {
        if (list_answer_full(answer) && entry->position != last) {
            *next = entry->position;
            pages->end = false;
            return 0;
        }
        last = entry->position;
        struct bytes key = entry->key;
        struct bytes value = {0};
        struct object merged;
        int result = list_pages_take(scratch, pages, entry, &merged);
        if (result == 0) {
            result = list_answer_show(answer, scratch, now_ms, &merged, &value);
        }
        if (result > 0) {
            result = list_answer_add(answer, key, value);
        }
        if (result < 0) {
            return result;
        }
    }
    return 0;
}
