/* Cursors as sorted arrays, and as bytes. See feed_cursor.h. */
#include "node/feed_cursor.h"

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "model/varint.h"
#include "shoal/error.h"

#define CURSOR_VERSION 1u
#define CHECK_BYTES 4u
#define TAG_BYTES 4u
#define NODE_BYTES 8u

uint32_t feed_tag(uint64_t tail)
{
    uint32_t tag = (uint32_t)hash_mix(tail);
    return tag == 0 ? 1 : tag;
}

void feed_cursor_init(struct feed_cursor *cursor)
{
    *cursor = (struct feed_cursor){0};
}

void feed_cursor_deinit(struct feed_cursor *cursor)
{
    mem_free(cursor->places);
    feed_cursor_init(cursor);
}

/* ---- places ---- */

/* The first place that doesn't stand before (node, lane). */
static uint32_t cursor_index(const struct feed_cursor *cursor, uint64_t node, uint32_t lane)
{
    uint32_t low = 0;
    uint32_t high = cursor->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct feed_place *place = &cursor->places[middle];
        if (place->node < node || (place->node == node && place->lane < lane)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct feed_place *feed_cursor_find(const struct feed_cursor *cursor, uint64_t node, uint32_t lane)
{
    uint32_t index = cursor_index(cursor, node, lane);
    if (index == cursor->count) {
        return NULL;
    }
    struct feed_place *place = &cursor->places[index];
    return place->node == node && place->lane == lane ? place : NULL;
}

uint32_t feed_cursor_lanes(const struct feed_cursor *cursor, uint64_t node)
{
    return cursor_index(cursor, node, UINT32_MAX) - cursor_index(cursor, node, 0);
}

static int cursor_reserve(struct feed_cursor *cursor, uint32_t count)
{
    if (count <= cursor->capacity) {
        return 0;
    }
    uint32_t capacity = count < 8 ? 8 : count + count / 2;
    struct feed_place *places = mem_realloc(cursor->places, capacity * sizeof(*places));
    if (places == NULL) {
        return SHOAL_ENOMEM;
    }
    cursor->places = places;
    cursor->capacity = capacity;
    return 0;
}

int feed_cursor_put(struct feed_cursor *cursor, const struct feed_place *place)
{
    struct feed_place *there = feed_cursor_find(cursor, place->node, place->lane);
    if (there != NULL) {
        *there = *place;
        return 0;
    }
    ASSERT(feed_cursor_lanes(cursor, place->node) == place->lane);
    if (cursor->count >= LIMIT_FEED_LANES) {
        return SHOAL_ETOOBIG;
    }
    struct feed_place added = *place; /* it may be one of those that move now */
    int error = cursor_reserve(cursor, cursor->count + 1);
    if (error < 0) {
        return error;
    }
    uint32_t index = cursor_index(cursor, added.node, added.lane);
    memmove(cursor->places + index + 1, cursor->places + index,
            (cursor->count - index) * sizeof(*cursor->places));
    cursor->places[index] = added;
    cursor->count++;
    return 0;
}

void feed_cursor_cut(struct feed_cursor *cursor, uint64_t node, uint32_t lane)
{
    uint32_t from = cursor_index(cursor, node, lane);
    uint32_t until = cursor_index(cursor, node, UINT32_MAX);
    if (from < until) {
        memmove(cursor->places + from, cursor->places + until,
                (cursor->count - until) * sizeof(*cursor->places));
        cursor->count -= until - from;
    }
}

int feed_cursor_copy(struct feed_cursor *to, const struct feed_cursor *from)
{
    int error = cursor_reserve(to, from->count);
    if (error == 0) {
        if (from->count > 0) {
            memcpy(to->places, from->places, from->count * sizeof(*to->places));
        }
        to->count = from->count;
        to->known = from->known;
    }
    return error;
}

bool feed_cursor_equal(const struct feed_cursor *a, const struct feed_cursor *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct feed_place *x = &a->places[i];
        const struct feed_place *y = &b->places[i];
        if (x->node != y->node || x->lane != y->lane || x->tag != y->tag || x->at != y->at) {
            return false;
        }
    }
    return true;
}

/* ---- bytes ---- */

static uint32_t cursor_check(uint64_t cluster, struct bytes bytes)
{
    return (uint32_t)hash_seeded(cluster, bytes);
}

/* Where the run of the node's places that are encoded ends. */
static uint32_t cursor_run(const struct feed_cursor *cursor, uint32_t from, uint64_t skip_node,
                           uint32_t skip_lane)
{
    uint32_t until = from;
    uint64_t node = cursor->places[from].node;
    while (until < cursor->count && cursor->places[until].node == node &&
           (node != skip_node || cursor->places[until].lane < skip_lane)) {
        until++;
    }
    return until;
}

static uint8_t *cursor_store_node(const struct feed_cursor *cursor, uint32_t from, uint32_t until,
                                  uint8_t *at)
{
    store_u64_le(at, cursor->places[from].node);
    at = varint_store(at + NODE_BYTES, until - from);
    for (uint32_t i = from; i < until; i++) {
        store_u32_le(at, cursor->places[i].tag);
        at = varint_store(at + TAG_BYTES, cursor->places[i].at);
    }
    return at;
}

int feed_cursor_encode(const struct feed_cursor *cursor, uint64_t cluster, uint64_t skip_node,
                       uint32_t skip_lane, struct buffer *out)
{
    size_t place_bytes = NODE_BYTES + TAG_BYTES + 2 * VARINT_BYTES_MAX;
    uint32_t nodes = 0;
    buffer_clear(out);
    int error = buffer_reserve(out, 1 + 3 * VARINT_BYTES_MAX + CHECK_BYTES +
                                        (size_t)cursor->count * place_bytes);
    if (error < 0) {
        return error;
    }
    for (uint32_t i = 0; i < cursor->count; i++) {
        const struct feed_place *place = &cursor->places[i];
        nodes += place->lane == 0 && !(place->node == skip_node && skip_lane == 0);
    }
    uint8_t *at = out->data;
    *at++ = CURSOR_VERSION;
    at = varint_store(at, cursor->known.stamp);
    at = varint_store(at, cursor->known.gone);
    at = varint_store(at, nodes);
    for (uint32_t i = 0; i < cursor->count;) {
        uint32_t until = cursor_run(cursor, i, skip_node, skip_lane);
        if (until > i) {
            at = cursor_store_node(cursor, i, until, at);
        }
        while (until < cursor->count && cursor->places[until].node == cursor->places[i].node) {
            until++;
        }
        i = until;
    }
    size_t len = (size_t)(at - out->data);
    store_u32_le(at, cursor_check(cluster, bytes_make(out->data, len)));
    out->len = len + CHECK_BYTES;
    return 0;
}

/* One node's places; NULL when they are malformed. */
static const uint8_t *cursor_load_node(const uint8_t *at, const uint8_t *end,
                                       struct feed_cursor *out, int *error)
{
    uint64_t lanes;
    if ((size_t)(end - at) < NODE_BYTES) {
        return NULL;
    }
    uint64_t node = load_u64_le(at);
    bool ascends = out->count == 0 || out->places[out->count - 1].node < node;
    at = varint_load(at + NODE_BYTES, end, &lanes);
    if (at == NULL || !ascends || node == 0 || lanes == 0 || lanes > LIMIT_WORKERS ||
        out->count + lanes > LIMIT_FEED_LANES) {
        return NULL;
    }
    for (uint32_t lane = 0; lane < lanes; lane++) {
        if ((size_t)(end - at) < TAG_BYTES) {
            return NULL;
        }
        struct feed_place place = {.node = node, .lane = lane, .tag = load_u32_le(at)};
        at = varint_load(at + TAG_BYTES, end, &place.at);
        *error = at == NULL ? SHOAL_EINVAL : cursor_reserve(out, out->count + 1);
        if (*error < 0) {
            return NULL;
        }
        out->places[out->count++] = place;
    }
    return at;
}

static int cursor_load(const uint8_t *at, const uint8_t *end, struct feed_cursor *out)
{
    uint64_t nodes;
    int error = SHOAL_EINVAL;
    if (at == end || *at != CURSOR_VERSION) {
        return error;
    }
    at = varint_load(at + 1, end, &out->known.stamp);
    at = at == NULL ? NULL : varint_load(at, end, &out->known.gone);
    at = at == NULL ? NULL : varint_load(at, end, &nodes);
    for (uint64_t i = 0; at != NULL && i < nodes; i++) {
        error = SHOAL_EINVAL;
        at = cursor_load_node(at, end, out, &error);
    }
    if (at == NULL) {
        return error == SHOAL_ENOMEM ? SHOAL_ENOMEM : SHOAL_EINVAL;
    }
    return at == end ? 0 : SHOAL_EINVAL;
}

int feed_cursor_decode(struct bytes bytes, uint64_t cluster, struct feed_cursor *out)
{
    if (bytes.len < 1 + CHECK_BYTES || bytes.len > LIMIT_FEED_CURSOR_BYTES) {
        return SHOAL_EINVAL;
    }
    size_t len = bytes.len - CHECK_BYTES;
    if (load_u32_le(bytes.data + len) != cursor_check(cluster, bytes_make(bytes.data, len))) {
        return SHOAL_EINVAL;
    }
    struct feed_cursor cursor;
    feed_cursor_init(&cursor);
    int error = cursor_load(bytes.data, bytes.data + len, &cursor);
    if (error < 0) {
        feed_cursor_deinit(&cursor);
        return error;
    }
    feed_cursor_deinit(out);
    *out = cursor;
    return 0;
}
