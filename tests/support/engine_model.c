/* See engine_model.h. Allocates behind the back of mem_fail_from, so that it stays right while the
 * engine is made to fail. */
#include "support/engine_model.h"

#include <stdlib.h>

#include "base/assert.h"

static uint8_t *copy(struct bytes bytes)
{
    uint8_t *data = malloc(bytes.len + 1);
    ASSERT(data != NULL);
    if (bytes.len > 0) {
        memcpy(data, bytes.data, bytes.len);
    }
    return data;
}

static int compare(const struct engine_model_entry *entry, uint32_t partition, uint64_t position,
                   struct bytes key)
{
    if (entry->partition != partition) {
        return entry->partition < partition ? -1 : 1;
    }
    if (entry->position != position) {
        return entry->position < position ? -1 : 1;
    }
    return bytes_compare(bytes_make(entry->key, entry->key_len), key);
}

static size_t lower_bound(const struct engine_model *model, uint32_t partition, uint64_t position,
                          struct bytes key)
{
    size_t low = 0;
    size_t high = model->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&model->entries[middle], partition, position, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct engine_model *model, size_t at, const struct engine_key *key)
{
    return at < model->count &&
           compare(&model->entries[at], key->partition, key->position, key->key) == 0;
}

void engine_model_init(struct engine_model *model)
{
    *model = (struct engine_model){0};
}

static void erase(struct engine_model *model, size_t at)
{
    free(model->entries[at].key);
    free(model->entries[at].record);
    model->count--;
    memmove(&model->entries[at], &model->entries[at + 1],
            (model->count - at) * sizeof(model->entries[0]));
}

void engine_model_deinit(struct engine_model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        free(model->entries[i].key);
        free(model->entries[i].record);
    }
    free(model->entries);
    *model = (struct engine_model){0};
}

void engine_model_put(struct engine_model *model, const struct engine_key *key, struct bytes record)
{
    size_t at = lower_bound(model, key->partition, key->position, key->key);
    if (is_at(model, at, key)) {
        free(model->entries[at].record);
        model->entries[at].record = copy(record);
        model->entries[at].record_len = record.len;
        return;
    }
    if (model->count == model->capacity) {
        model->capacity = model->capacity == 0 ? 16 : 2 * model->capacity;
        model->entries = realloc(model->entries, model->capacity * sizeof(model->entries[0]));
        ASSERT(model->entries != NULL);
    }
    memmove(&model->entries[at + 1], &model->entries[at],
            (model->count - at) * sizeof(model->entries[0]));
    model->entries[at] = (struct engine_model_entry){.partition = key->partition,
                                                     .tag = key->tag,
                                                     .position = key->position,
                                                     .key = copy(key->key),
                                                     .key_len = key->key.len,
                                                     .record = copy(record),
                                                     .record_len = record.len};
    model->count++;
}

void engine_model_remove(struct engine_model *model, const struct engine_key *key)
{
    size_t at = lower_bound(model, key->partition, key->position, key->key);
    if (is_at(model, at, key)) {
        erase(model, at);
    }
}

void engine_model_drop(struct engine_model *model, uint32_t partition)
{
    size_t at = engine_model_seek(model, partition, 0);
    while (at < model->count && model->entries[at].partition == partition) {
        erase(model, at);
    }
}

const struct engine_model_entry *engine_model_get(const struct engine_model *model,
                                                  const struct engine_key *key)
{
    size_t at = lower_bound(model, key->partition, key->position, key->key);
    return is_at(model, at, key) ? &model->entries[at] : NULL;
}

size_t engine_model_seek(const struct engine_model *model, uint32_t partition, uint64_t position)
{
    return lower_bound(model, partition, position, bytes_make(NULL, 0));
}
