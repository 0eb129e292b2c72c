/* The bytes of a partition clock, as partition_clock.h draws them: one encoding for one clock. What
 * is decoded comes from peers and disks: counts are checked against what is really there before
 * memory is taken for them, and every sum against overflow. */
#include "base/byteorder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "model/varint.h"
#include "replica/partition_clock_inside.h"
#include "shoal/error.h"

#define CLOCK_FORMAT 0x10u
#define ACTOR_BYTES_MIN (sizeof(uint64_t) + 1)
#define SPAN_BYTES_MIN 2u

/* ---- encoding ---- */

static size_t actor_size(const struct clock_actor *actor)
{
    size_t size = sizeof(uint64_t) + varint_size(actor->base + 1);
    if (actor->base == CLOCK_CLOSED) {
        return size;
    }
    size += varint_size(actor->span_count);
    uint64_t before = actor->base;
    for (uint32_t i = 0; i < actor->span_count; i++) {
        struct clock_span span = actor->spans[i];
        size += varint_size(span.first - 2 - before) + varint_size(span.last - span.first);
        before = span.last;
    }
    return size;
}

static uint8_t *actor_store(uint8_t *at, const struct clock_actor *actor)
{
    store_u64_le(at, actor->actor);
    at = varint_store(at + sizeof(uint64_t), actor->base + 1);
    if (actor->base == CLOCK_CLOSED) {
        return at;
    }
    at = varint_store(at, actor->span_count);
    uint64_t before = actor->base;
    for (uint32_t i = 0; i < actor->span_count; i++) {
        struct clock_span span = actor->spans[i];
        at = varint_store(at, span.first - 2 - before);
        at = varint_store(at, span.last - span.first);
        before = span.last;
    }
    return at;
}

int partition_clock_encode(const struct partition_clock *clock, struct buffer *out)
{
    size_t size = 1 + varint_size(clock->count);
    for (uint32_t i = 0; i < clock->count; i++) {
        size += actor_size(&clock->actors[i]);
    }
    int result = buffer_reserve(out, size);
    if (result < 0) {
        return result;
    }
    uint8_t *at = out->data + out->len;
    *at++ = CLOCK_FORMAT;
    at = varint_store(at, clock->count);
    for (uint32_t i = 0; i < clock->count; i++) {
        at = actor_store(at, &clock->actors[i]);
    }
    out->len += size;
    return 0;
}

/* ---- decoding ---- */

/* Where the decoding stands. `next` is NULL once something was wrong. */
struct clock_input {
    const uint8_t *next;
    const uint8_t *end;
};

static uint64_t load_number(struct clock_input *input)
{
    uint64_t number = 0;
    if (input->next != NULL) {
        input->next = varint_load(input->next, input->end, &number);
    }
    return input->next != NULL ? number : 0;
}

/* A number of things to follow, each of at least so many bytes. */
static uint32_t load_count(struct clock_input *input, uint32_t count_max, size_t bytes_min)
{
    uint64_t count = load_number(input);
    if (input->next == NULL || count > count_max ||
        count > (size_t)(input->end - input->next) / bytes_min) {
        input->next = NULL;
        return 0;
    }
    return (uint32_t)count;
}

/* The span behind what ends at `before`: false when it is none. */
static bool load_span(struct clock_input *input, uint64_t before, struct clock_span *out)
{
    uint64_t gap = load_number(input);
    uint64_t more = load_number(input);
    if (input->next == NULL || __builtin_add_overflow(before, gap, &out->first) ||
        __builtin_add_overflow(out->first, UINT64_C(2), &out->first) ||
        __builtin_add_overflow(out->first, more, &out->last)) {
        return false;
    }
    return out->last <= CLOCK_COUNTER_MAX;
}

/* `out` has no spans yet; what it has afterwards is its owner's to free, whatever the outcome. */
static int load_spans(struct clock_input *input, uint32_t count_max, struct clock_actor *out)
{
    uint32_t count = load_count(input, count_max, SPAN_BYTES_MIN);
    if (input->next == NULL || (count == 0 && out->base == 0)) {
        return SHOAL_EPROTO;
    }
    if (count == 0) {
        return 0;
    }
    out->spans = mem_alloc(count * sizeof(*out->spans));
    if (out->spans == NULL) {
        return SHOAL_ENOMEM;
    }
    out->span_capacity = count;
    uint64_t before = out->base;
    for (; out->span_count < count; out->span_count++) {
        struct clock_span *span = &out->spans[out->span_count];
        if (!load_span(input, before, span)) {
            return SHOAL_EPROTO;
        }
        before = span->last;
    }
    return 0;
}

/* The next actor into `clock`, which has room for it. */
static int load_actor(struct clock_input *input, struct partition_clock *clock)
{
    if ((size_t)(input->end - input->next) < ACTOR_BYTES_MIN) {
        return SHOAL_EPROTO;
    }
    uint64_t id = load_u64_le(input->next);
    input->next += sizeof(uint64_t);
    uint64_t base_and_one = load_number(input);
    if (input->next == NULL || id == 0 ||
        (clock->count > 0 && clock->actors[clock->count - 1].actor >= id)) {
        return SHOAL_EPROTO;
    }
    struct clock_actor *actor = &clock->actors[clock->count++];
    *actor = (struct clock_actor){.actor = id, .base = base_and_one - 1};
    if (base_and_one == 0) {
        return 0; /* closed */
    }
    int result = load_spans(input, CLOCK_SPANS_MAX - clock->span_count, actor);
    clock->span_count += actor->span_count;
    return result;
}

static int load_clock(struct bytes bytes, struct partition_clock *out)
{
    if (bytes.len == 0 || bytes.len > CLOCK_BYTES_MAX) {
        return SHOAL_EPROTO;
    }
    if (bytes.data[0] != CLOCK_FORMAT) {
        return SHOAL_EVERSION;
    }
    struct clock_input input = {.next = bytes.data + 1, .end = bytes.data + bytes.len};
    uint32_t count = load_count(&input, CLOCK_ACTORS_MAX, ACTOR_BYTES_MIN);
    if (input.next == NULL) {
        return SHOAL_EPROTO;
    }
    int result = clock_reserve(out, count);
    while (result == 0 && out->count < count) {
        result = load_actor(&input, out);
    }
    return result == 0 && input.next != input.end ? SHOAL_EPROTO : result;
}

int partition_clock_decode(struct bytes bytes, struct partition_clock *out)
{
    struct partition_clock clock;
    partition_clock_init(&clock);
    int result = load_clock(bytes, &clock);
    if (result < 0) {
        partition_clock_deinit(&clock);
        return result;
    }
    clock.version = out->version + 1;
    partition_clock_deinit(out);
    *out = clock;
    return 0;
}

/* ---- the digest ---- */

static uint64_t mix_pair(uint64_t digest, uint64_t a, uint64_t b)
{
    uint8_t pair[2 * sizeof(uint64_t)];
    store_u64_le(pair, a);
    store_u64_le(pair + sizeof(uint64_t), b);
    return hash_seeded(digest, bytes_make(pair, sizeof(pair)));
}

uint64_t partition_clock_digest(const struct partition_clock *clock)
{
    if (clock->count == 0) {
        return 0;
    }
    uint64_t digest = clock->count;
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct clock_actor *actor = &clock->actors[i];
        digest = mix_pair(digest + actor->span_count, actor->actor, actor->base);
        for (uint32_t j = 0; j < actor->span_count; j++) {
            digest = mix_pair(digest, actor->spans[j].first, actor->spans[j].last);
        }
    }
    return digest != 0 ? digest : 1;
}
