/* A counter's bytes, and numbers as text. The number of shards is checked against what is really
 * there before memory is taken for them. */
#include "model/counter.h"

#include "base/byteorder.h"
#include "base/limits.h"
#include "model/varint.h"
#include "shoal/error.h"

#define COUNTER_FORMAT 1u
#define U64 sizeof(uint64_t)
#define SHARD_BYTES_MIN (2u * U64 + 2u)
#define SHARD_BYTES_MAX (2u * U64 + 2u * VARINT_BYTES_MAX)
#define COUNTER_BYTES_MAX (1u + 2u * U64 + 2u * VARINT_BYTES_MAX)

static uint8_t *store_dot(uint8_t *at, struct dot dot)
{
    store_u64_le(at, dot.actor);
    return varint_store(at + U64, dot.counter);
}

static uint8_t *store_number(uint8_t *at, int64_t number)
{
    store_u64_le(at, (uint64_t)number);
    return at + U64;
}

struct bytes counter_encode(struct arena *arena, const struct counter *counter)
{
    uint8_t *start =
        arena_alloc(arena, COUNTER_BYTES_MAX + (size_t)counter->shard_count * SHARD_BYTES_MAX);
    if (start == NULL) {
        return bytes_make(NULL, 0);
    }
    uint8_t *at = start;
    *at++ = COUNTER_FORMAT;
    at = store_dot(at, counter->epoch);
    at = store_number(at, counter->base);
    at = varint_store(at, counter->shard_count);
    for (uint32_t i = 0; i < counter->shard_count; i++) {
        const struct counter_shard *shard = &counter->shards[i];
        at = store_dot(at, shard->start);
        at = varint_store(at, shard->last - shard->start.counter);
        at = store_number(at, shard->sum);
    }
    return bytes_make(start, (size_t)(at - start));
}

static const uint8_t *load_dot(const uint8_t *at, const uint8_t *end, struct dot *dot)
{
    if (at == NULL || (size_t)(end - at) < U64) {
        return NULL;
    }
    dot->actor = load_u64_le(at);
    return varint_load(at + U64, end, &dot->counter);
}

static const uint8_t *load_number(const uint8_t *at, const uint8_t *end, int64_t *number)
{
    if (at == NULL || (size_t)(end - at) < U64) {
        return NULL;
    }
    *number = (int64_t)load_u64_le(at);
    return at + U64;
}

static const uint8_t *load_shard(const uint8_t *at, const uint8_t *end, struct counter_shard *shard)
{
    uint64_t since;
    at = load_dot(at, end, &shard->start);
    at = at == NULL ? NULL : varint_load(at, end, &since);
    if (at == NULL || shard->start.actor == 0 || shard->start.counter == 0 ||
        __builtin_add_overflow(shard->start.counter, since, &shard->last)) {
        return NULL;
    }
    return load_number(at, end, &shard->sum);
}

static int load_shards(struct arena *arena, const uint8_t *at, const uint8_t *end,
                       struct counter *counter)
{
    uint64_t count;
    at = varint_load(at, end, &count);
    if (at == NULL || count > LIMIT_COUNTER_SHARDS ||
        count > (size_t)(end - at) / SHARD_BYTES_MIN) {
        return SHOAL_EPROTO;
    }
    struct counter_shard *shards = arena_alloc_array(arena, (size_t)count + 1, sizeof(*shards));
    if (shards == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint64_t i = 0; i < count; i++) {
        at = load_shard(at, end, &shards[i]);
        if (at == NULL || (i > 0 && dot_compare(shards[i - 1].start, shards[i].start) >= 0)) {
            return SHOAL_EPROTO;
        }
    }
    counter->shards = shards;
    counter->shard_count = (uint32_t)count;
    return at == end ? 0 : SHOAL_EPROTO;
}

int counter_decode(struct arena *arena, struct bytes bytes, struct counter *out)
{
    struct counter counter = {0};
    if (bytes.len == 0) {
        return SHOAL_EPROTO;
    }
    if (bytes.data[0] != COUNTER_FORMAT) {
        return SHOAL_EVERSION;
    }
    const uint8_t *end = bytes.data + bytes.len;
    const uint8_t *at = load_dot(bytes.data + 1, end, &counter.epoch);
    at = load_number(at, end, &counter.base);
    bool none = counter.epoch.actor == 0;
    if (at == NULL || none != (counter.epoch.counter == 0) || (none && counter.base != 0)) {
        return SHOAL_EPROTO;
    }
    int result = load_shards(arena, at, end, &counter);
    if (result == 0) {
        *out = counter;
    }
    return result;
}

/* ---- numbers as text ---- */

uint32_t number_print(int64_t number, char out[NUMBER_DIGITS_MAX])
{
    char reversed[NUMBER_DIGITS_MAX];
    uint64_t rest = number < 0 ? UINT64_C(0) - (uint64_t)number : (uint64_t)number;
    uint32_t count = 0;
    do {
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    uint32_t len = 0;
    if (number < 0) {
        out[len++] = '-';
    }
    while (count > 0) {
        out[len++] = reversed[--count];
    }
    return len;
}

bool number_parse(struct bytes text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == text.len || text.len > NUMBER_DIGITS_MAX ||
        (text.data[i] == '0' && (negative || text.len > 1))) {
        return false;
    }
    int64_t number = 0; /* below zero throughout, where there is room for one more */
    for (; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, (int64_t)digit, &number)) {
            return false;
        }
    }
    if (!negative && number == INT64_MIN) {
        return false;
    }
    *out = negative ? number : -number;
    return true;
}
