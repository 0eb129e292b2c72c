/* Plain arrays; a run is short. */
#include "sim_history.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"

void sim_history_init(struct sim_history *history, uint32_t nodes)
{
    memset(history, 0, sizeof(*history));
    history->node_count = nodes;
    table_init(&history->by_value);
}

void sim_history_deinit(struct sim_history *history)
{
    for (uint32_t i = 0; i < history->key_count; i++) {
        mem_free(history->keys[i].name);
        mem_free(history->keys[i].dots);
        mem_free(history->keys[i].held);
        mem_free(history->keys[i].settled);
        mem_free(history->keys[i].acked);
    }
    mem_free(history->writes);
    table_deinit(&history->by_value);
}

uint32_t sim_history_key(struct sim_history *history, struct bytes name)
{
    for (uint32_t i = 0; i < history->key_count; i++) {
        struct sim_key *key = &history->keys[i];
        if (bytes_equal(bytes_make(key->name, key->name_len), name)) {
            return i;
        }
    }
    ASSERT(history->key_count < SIM_KEYS_MAX);
    struct sim_key *key = &history->keys[history->key_count];
    key->name = mem_alloc(name.len);
    key->dots = mem_alloc_zeroed(SIM_DOTS_MAX, sizeof(*key->dots));
    key->held = mem_alloc_zeroed(history->node_count, sizeof(*key->held));
    key->settled = mem_alloc_zeroed(history->node_count, sizeof(*key->settled));
    ASSERT(key->name != NULL);
    ASSERT(key->dots != NULL);
    ASSERT(key->held != NULL);
    ASSERT(key->settled != NULL);
    memcpy(key->name, name.data, name.len);
    key->name_len = name.len;
    return history->key_count++;
}

int sim_history_dot(const struct sim_key *key, struct dot dot)
{
    for (uint32_t i = key->dot_count; i > 0; i--) {
        if (dot_equal(key->dots[i - 1].dot, dot)) {
            return (int)(i - 1);
        }
    }
    return -1;
}

static void *pointer_of(uint32_t write)
{
    return (void *)(uintptr_t)write;
}

uint32_t sim_history_write(struct sim_history *history, uint32_t key, struct bytes value)
{
    if (history->write_count == history->write_capacity) {
        history->write_capacity = history->write_capacity == 0 ? 256 : 2 * history->write_capacity;
        history->writes =
            mem_realloc(history->writes, history->write_capacity * sizeof(*history->writes));
        ASSERT(history->writes != NULL);
    }
    uint32_t id = ++history->write_count;
    const struct sim_key *at = &history->keys[key];
    history->writes[id - 1] = (struct sim_write){.key = key,
                                                 .is_delete = value.data == NULL,
                                                 .acked_before = at->acked_count,
                                                 .dots_before = at->dot_count};
    if (value.data != NULL) {
        uint64_t hash = hash_xxh3(value);
        ASSERT(table_get(&history->by_value, hash) == NULL);
        ASSERT(table_put(&history->by_value, hash, pointer_of(id)) == 0);
    }
    return id;
}

struct sim_write *sim_history_get(struct sim_history *history, uint32_t write)
{
    ASSERT(write >= 1);
    ASSERT(write <= history->write_count);
    return &history->writes[write - 1];
}

uint32_t sim_history_by_value(const struct sim_history *history, struct bytes value)
{
    return (uint32_t)(uintptr_t)table_get(&history->by_value, hash_xxh3(value));
}

int sim_set_first_outside(const struct sim_set *a, const struct sim_set *b)
{
    for (uint32_t i = 0; i < SIM_SET_WORDS; i++) {
        uint64_t rest = a->words[i] & ~b->words[i];
        if (rest != 0) {
            return (int)(i * 64) + __builtin_ctzll(rest);
        }
    }
    return -1;
}

int sim_set_first_common(const struct sim_set *a, const struct sim_set *b)
{
    for (uint32_t i = 0; i < SIM_SET_WORDS; i++) {
        uint64_t both = a->words[i] & b->words[i];
        if (both != 0) {
            return (int)(i * 64) + __builtin_ctzll(both);
        }
    }
    return -1;
}

void sim_history_covered(const struct sim_key *key, struct version_vector context,
                         struct sim_set *out)
{
    *out = (struct sim_set){0};
    for (uint32_t i = 0; i < key->dot_count; i++) {
        if (version_vector_covers(context, key->dots[i].dot)) {
            sim_set_add(out, i);
        }
    }
}

void sim_history_replaced(const struct sim_key *key, const struct sim_set *set, struct sim_set *out)
{
    struct sim_set all = {0};
    for (uint32_t i = key->dot_count; i > 0; i--) {
        /* What a later dot of the set replaced has its own replaced dots in there already. */
        if (sim_set_has(set, i - 1) && !sim_set_has(&all, i - 1)) {
            sim_set_unite(&all, &key->dots[i - 1].replaced);
        }
    }
    *out = all;
}
