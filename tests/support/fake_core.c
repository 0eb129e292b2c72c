/* See fake_core.h. */
#include "support/fake_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "coordinate/list_cursor.h"
#include "shoal/error.h"

struct entry {
    struct bytes key;
    struct bytes value;
    uint64_t expiry_ms;
};

static bool begins(struct bytes key, const char *word)
{
    return bytes_starts_with(key, bytes_from_string(word));
}

/* ---- the table ------------------------------------------------------------------------------- */

static struct bytes copy(struct bytes bytes)
{
    uint8_t *data = mem_alloc(bytes.len);
    ASSERT(data != NULL);
    if (bytes.len > 0) {
        memcpy(data, bytes.data, bytes.len);
    }
    return bytes_make(data, bytes.len);
}

static void free_entry(struct entry *entry)
{
    if (entry != NULL) {
        mem_free((void *)(uintptr_t)entry->key.data);
        mem_free((void *)(uintptr_t)entry->value.data);
        mem_free(entry);
    }
}

void fake_core_init(struct fake_core *core)
{
    table_init(&core->entries);
}

void fake_core_deinit(struct fake_core *core)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&core->entries, &cursor, &key, &value)) {
        free_entry(value);
    }
    table_deinit(&core->entries);
}

static struct entry *find(const struct fake_core *core, struct bytes key)
{
    return table_get(&core->entries, hash_xxh3(key));
}

static void remove_entry(struct fake_core *core, struct bytes key)
{
    free_entry(table_remove(&core->entries, hash_xxh3(key)));
}

static void put(struct fake_core *core, struct bytes key, struct bytes value, uint64_t expiry_ms)
{
    struct entry *entry = mem_alloc(sizeof(*entry));
    ASSERT(entry != NULL);
    *entry = (struct entry){.key = copy(key), .value = copy(value), .expiry_ms = expiry_ms};
    remove_entry(core, key);
    int code = table_put(&core->entries, hash_xxh3(key), entry);
    ASSERT(code == 0);
}

/* ---- one key --------------------------------------------------------------------------------- */

static void done(struct request *request, const struct outcome *outcome)
{
    request->done(request, outcome);
}

static void answer_get(struct fake_core *core, struct request *request)
{
    const struct entry *entry = find(core, request->key);
    struct result_value values[2] = {{.hlc = 1}, {.value = bytes_from_string("second")}};
    struct outcome outcome = {.owners = 1, .needed = 1, .values = values, .value_count = 1};
    void *big = NULL;
    if (begins(request->key, "big:")) {
        char digits[16] = "";
        memcpy(digits, request->key.data + 4, request->key.len - 4);
        size_t len = strtoul(digits, NULL, 10);
        big = mem_alloc_zeroed(1, len);
        values[0].value = bytes_make(big, len);
    } else if (entry != NULL) {
        values[0].value = entry->value;
        values[0].expiry_ms = entry->expiry_ms;
        outcome.value_count = begins(request->key, "many:") ? 2 : 1;
        outcome.context = bytes_from_string("context");
    } else {
        outcome = (struct outcome){.code = SHOAL_ENOTFOUND, .owners = 1, .needed = 1};
        outcome.context =
            begins(request->key, "gone:") ? bytes_from_string("context") : outcome.context;
    }
    done(request, &outcome);
    mem_free(big);
}

static int64_t number_of(const struct entry *entry)
{
    char digits[32] = "0";
    if (entry != NULL && entry->value.len < sizeof(digits)) {
        memcpy(digits, entry->value.data, entry->value.len);
        digits[entry->value.len] = '\0';
    }
    return strtoll(digits, NULL, 10);
}

static void answer_change(struct fake_core *core, struct request *request)
{
    struct outcome outcome = {.context = bytes_from_string("context"), .owners = 1, .needed = 1};
    struct entry *entry = find(core, request->key);
    char digits[32];
    switch (request->op) {
    case REQUEST_PUT:
        put(core, request->key, request->value, request->expiry_ms);
        break;
    case REQUEST_ADD:
        outcome.number = number_of(entry) + request->delta;
        (void)snprintf(digits, sizeof(digits), "%lld", (long long)outcome.number);
        put(core, request->key, bytes_from_string(digits), 0);
        break;
    case REQUEST_EXPIRE:
        if (entry == NULL) {
            outcome.code = SHOAL_ENOTFOUND;
        } else {
            entry->expiry_ms = request->expiry_ms;
        }
        break;
    default:
        remove_entry(core, request->key);
        break;
    }
    done(request, &outcome);
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct place {
    uint32_t partition;
    uint64_t position;
    const struct entry *entry;
};

static struct place place_of(const struct entry *entry)
{
    uint64_t hash = hash_xxh3(entry->key);
    if (begins(entry->key, "first:")) {
        return (struct place){.position = hash & 0xffff, .entry = entry};
    }
    if (begins(entry->key, "near:")) {
        return (struct place){FAKE_PARTITIONS - 1, hash & 0xffff, entry};
    }
    return (struct place){(uint32_t)(hash % FAKE_PARTITIONS), hash_mix(hash), entry};
}

static int compare(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    if (a->partition != b->partition) {
        return a->partition < b->partition ? -1 : 1;
    }
    return a->position == b->position ? 0 : a->position < b->position ? -1 : 1;
}

static struct place *sorted(const struct fake_core *core)
{
    struct place *places = mem_alloc_zeroed(core->entries.count + 1, sizeof(*places));
    size_t cursor = 0;
    size_t count = 0;
    uint64_t key;
    void *value;
    ASSERT(places != NULL);
    while (table_next(&core->entries, &cursor, &key, &value)) {
        places[count++] = place_of(value);
    }
    qsort(places, count, sizeof(*places), compare);
    return places;
}

static void answer_list(struct fake_core *core, struct request *request)
{
    struct place *places = sorted(core);
    struct list_entry *entries = mem_alloc_zeroed(core->entries.count + 1, sizeof(*entries));
    struct outcome outcome = {.entries = entries};
    uint32_t limit = request->limit == 0 ? LIMIT_LIST_KEYS : request->limit;
    uint8_t cursor[LIST_CURSOR_BYTES];
    struct place from = {0};
    ASSERT(entries != NULL);
    if (request->context.data != NULL) {
        int code = list_cursor_read(request->context, &from.partition, &from.position);
        ASSERT(code == 0 && from.partition < FAKE_PARTITIONS);
    }
    for (size_t i = 0; i < core->entries.count; i++) {
        const struct entry *entry = places[i].entry;
        if (compare(&places[i], &from) < 0 || !bytes_starts_with(entry->key, request->key)) {
            continue;
        }
        if (outcome.entry_count == limit) {
            outcome.after = list_cursor_make(places[i].partition, places[i].position, cursor);
            break;
        }
        entries[outcome.entry_count].key = entry->key;
        if (request->with_values) {
            entries[outcome.entry_count].value = entry->value;
        }
        outcome.entry_count++;
    }
    done(request, &outcome);
    mem_free(entries);
    mem_free(places);
}

void fake_core_answer(struct fake_core *core, struct request *request)
{
    bool changes = request->op != REQUEST_GET && request->op != REQUEST_LIST;
    if (begins(request->key, "weak:") && request->op != REQUEST_LIST) {
        const struct outcome outcome = {.code = SHOAL_EQUORUM,
                                        .text = bytes_from_string("1 of 2 owners answered")};
        done(request, &outcome);
    } else if (changes && begins(request->key, "unknown:")) {
        const struct outcome outcome = {.code = SHOAL_EUNKNOWN,
                                        .text = bytes_from_string("timed out")};
        done(request, &outcome);
    } else if (request->op == REQUEST_GET) {
        answer_get(core, request);
    } else if (request->op == REQUEST_LIST) {
        answer_list(core, request);
    } else {
        answer_change(core, request);
    }
}
