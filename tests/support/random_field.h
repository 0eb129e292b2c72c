/* Fields of random messages: numbers of every magnitude, empty and missing bytes, items. */
#ifndef SUPPORT_RANDOM_FIELD_H
#define SUPPORT_RANDOM_FIELD_H

#include "base/assert.h"
#include "base/limits.h"
#include "base/random.h"
#include "wire/messages.h"

#define SHORT_BYTES_MAX 60u
#define ITEMS_MAX 20u

static inline bool chance(struct random *random, double probability)
{
    return random_chance(random, probability);
}

/* Of every magnitude alike, so that each of msgpack's formats is met. */
static inline uint64_t number(struct random *random)
{
    return random_u64(random) >> random_below(random, 64);
}

static inline uint32_t number32(struct random *random)
{
    return (uint32_t)random_u64(random) >> random_below(random, 32);
}

static inline uint32_t port(struct random *random)
{
    return (uint32_t)random_below(random, 65536);
}

static inline int32_t code(struct random *random)
{
    return chance(random, 0.5) ? 0 : -(int32_t)random_below(random, 100);
}

static inline struct bytes some_bytes(struct random *random, struct arena *arena)
{
    size_t len = (size_t)random_below(random, SHORT_BYTES_MAX);
    if (chance(random, 0.05)) {
        len = (size_t)random_below(random, 70000); /* past 8 and 16 bits of length */
    }
    uint8_t *bytes = arena_alloc(arena, len);
    ASSERT(bytes != NULL);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)random_u64(random);
    }
    return bytes_make(bytes, len);
}

static inline struct bytes some_name(struct random *random, struct arena *arena)
{
    struct bytes bytes = some_bytes(random, arena);
    return bytes_make(bytes.data, bytes.len % (LIMIT_NAME_BYTES + 1));
}

static inline struct bytes some_text(struct random *random, struct arena *arena)
{
    struct bytes bytes = some_bytes(random, arena);
    return bytes_make(bytes.data, bytes.len % (LIMIT_TEXT_BYTES + 1));
}

static inline struct bytes some_path(struct random *random, struct arena *arena)
{
    struct bytes bytes = some_bytes(random, arena);
    return bytes_make(bytes.data, bytes.len % (LIMIT_PATH_BYTES + 1));
}

static inline struct bytes some_token(struct random *random, struct arena *arena)
{
    struct bytes bytes = some_bytes(random, arena);
    return bytes_make(bytes.data, bytes.len % (LIMIT_TOKEN_BYTES + 1));
}

static inline struct bytes or_none(struct random *random, struct bytes bytes)
{
    return chance(random, 0.3) ? (struct bytes){0} : bytes;
}

static inline void fill_name(struct random *random, char name[LIMIT_NAME_BYTES + 1])
{
    size_t len = (size_t)random_below(random, LIMIT_NAME_BYTES + 1);
    for (size_t i = 0; i < len; i++) {
        name[i] = (char)(1 + random_below(random, 255));
    }
    name[len] = '\0';
}

static inline struct content_hash some_hash(struct random *random)
{
    struct content_hash hash;
    for (size_t i = 0; i < sizeof(hash.bytes); i++) {
        hash.bytes[i] = (uint8_t)random_u64(random);
    }
    return hash;
}

static inline void *some_items(struct random *random, struct arena *arena, size_t size,
                               uint32_t *count)
{
    *count = (uint32_t)random_below(random, ITEMS_MAX);
    void *items = arena_alloc_array(arena, ITEMS_MAX, size);
    ASSERT(items != NULL);
    memset(items, 0, ITEMS_MAX * size);
    return items;
}

#endif
