/* What an engine is to do, done naively: a sorted array of copies. Tests run the same operations
 * against it and the real engine and compare. */
#ifndef SUPPORT_ENGINE_MODEL_H
#define SUPPORT_ENGINE_MODEL_H

#include "storage/engine.h"

struct engine_model_entry {
    uint32_t partition;
    uint16_t tag;
    uint64_t position;
    uint8_t *key; /* both copies */
    size_t key_len;
    uint8_t *record;
    size_t record_len;
};

struct engine_model {
    struct engine_model_entry *entries; /* by partition, position, key */
    size_t count;
    size_t capacity;
};

void engine_model_init(struct engine_model *model);
void engine_model_deinit(struct engine_model *model);

void engine_model_put(struct engine_model *model, const struct engine_key *key,
                      struct bytes record);
void engine_model_remove(struct engine_model *model, const struct engine_key *key);
void engine_model_drop(struct engine_model *model, uint32_t partition);

/* NULL when it is not there. */
const struct engine_model_entry *engine_model_get(const struct engine_model *model,
                                                  const struct engine_key *key);

/* The first entry at or after the position in the partition, or where it would be. */
size_t engine_model_seek(const struct engine_model *model, uint32_t partition, uint64_t position);

#endif
