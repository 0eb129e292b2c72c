/* The canonical bytes of an object (layout in object.h). There is exactly one encoding of each
 * object and the decoder refuses all others, so replicas can compare objects by their bytes or a
 * hash of them. Nearly every object has one sibling whose dot is its whole context; for it a short
 * form leaves out the counts and lengths and can be read with one small allocation. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "base/limits.h"
#include "model/object.h"
#include "model/varint.h"
#include "model/vector_codec.h"
#include "shoal/error.h"

#define FORMAT 0x10u
#define FORMAT_MASK 0xf0u
#define FLAG_SIMPLE 0x01u
#define KIND_EXPIRES 0x80u

#define U64 sizeof(uint64_t)

/* Simple: head and kind, actor, hlc, the shortest counter. */
#define SIMPLE_BYTES_MIN (2u + 2u * U64 + 1u)
#define SIMPLE_BYTES_FIXED_MAX (2u + 3u * U64 + VARINT_BYTES_MAX)
/* A sibling otherwise: kind, actor, the shortest counter, hlc, the shortest length. */
#define SIBLING_BYTES_MIN (1u + 2u * U64 + 2u)
#define SIBLING_BYTES_FIXED_MAX (1u + 3u * U64 + 2u * VARINT_BYTES_MAX)

size_t object_encoded_size_max(const struct object *object)
{
    size_t size = 1 + 2 * VARINT_BYTES_MAX +
                  (size_t)object->context.count * (U64 + VARINT_BYTES_MAX) +
                  (size_t)object->sibling_count * SIBLING_BYTES_FIXED_MAX;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        size += object->siblings[i].value.len;
    }
    return size;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static uint8_t kind_byte(const struct sibling *sibling)
{
    return (uint8_t)(sibling->kind | (sibling->expiry_ms != 0 ? KIND_EXPIRES : 0));
}

static uint8_t *store_expiry(uint8_t *at, const struct sibling *sibling)
{
    if (sibling->expiry_ms == 0) {
        return at;
    }
    store_u64_le(at, sibling->expiry_ms);
    return at + U64;
}

static uint8_t *store_value(uint8_t *at, struct bytes value)
{
    if (value.len > 0) {
        memcpy(at, value.data, value.len);
    }
    return at + value.len;
}

static uint8_t *store_simple(uint8_t *at, const struct sibling *sibling, bool stripped)
{
    *at++ = FORMAT | FLAG_SIMPLE;
    *at++ = kind_byte(sibling);
    store_u64_le(at, sibling->dot.actor);
    store_u64_le(at + U64, sibling->hlc);
    at = varint_store(at + 2 * U64, sibling->dot.counter);
    at = store_expiry(at, sibling);
    return stripped ? at : store_value(at, sibling->value);
}

static uint8_t *store_sibling(uint8_t *at, const struct sibling *sibling, bool stripped)
{
    struct bytes value = stripped ? (struct bytes){0} : sibling->value;
    *at++ = kind_byte(sibling);
    store_u64_le(at, sibling->dot.actor);
    at = varint_store(at + U64, sibling->dot.counter);
    store_u64_le(at, sibling->hlc);
    at = store_expiry(at + U64, sibling);
    at = varint_store(at, value.len);
    return store_value(at, value);
}

static uint8_t *store_object(uint8_t *at, const struct object *object, bool stripped)
{
    *at++ = FORMAT;
    at = version_vector_store(at, object->context);
    at = varint_store(at, object->sibling_count);
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        at = store_sibling(at, &object->siblings[i], stripped);
    }
    return at;
}

static int encode_simple(const struct object *object, bool stripped, struct buffer *out)
{
    const struct sibling *sibling = object->siblings;
    if (sibling->value.len > LIMIT_VALUE_BYTES_MAX) {
        return SHOAL_ETOOBIG;
    }
    ASSERT(object_valid(object));
    int error = buffer_reserve(out, SIMPLE_BYTES_FIXED_MAX + (stripped ? 0 : sibling->value.len));
    if (error != 0) {
        return error;
    }
    uint8_t *end = store_simple(out->data + out->len, sibling, stripped);
    out->len = (size_t)(end - out->data);
    return 0;
}

static int encode(const struct object *object, bool stripped, struct buffer *out)
{
    if (object_simple(object)) {
        return encode_simple(object, stripped, out);
    }
    size_t values_len = 0;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (object->siblings[i].value.len > LIMIT_VALUE_BYTES_MAX) {
            return SHOAL_ETOOBIG;
        }
        values_len += object->siblings[i].value.len;
    }
    ASSERT(object_valid(object));
    size_t size_max = object_encoded_size_max(object) - (stripped ? values_len : 0);
    if (size_max > LIMIT_OBJECT_BYTES) {
        return SHOAL_ETOOBIG;
    }
    int error = buffer_reserve(out, size_max);
    if (error != 0) {
        return error;
    }
    uint8_t *end = store_object(out->data + out->len, object, stripped);
    out->len = (size_t)(end - out->data);
    return 0;
}

int object_encode(const struct object *object, struct buffer *out)
{
    return encode(object, false, out);
}

int object_encode_stripped(const struct object *object, struct buffer *out)
{
    return encode(object, true, out);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static int load_kind(uint8_t byte, struct sibling *sibling)
{
    sibling->kind = byte & (uint8_t)~KIND_EXPIRES;
    return sibling->kind > SIBLING_COUNTER ? SHOAL_EVERSION : 0;
}

/* The byte behind the expiry, if there is one; NULL when it is cut off or zero. */
static const uint8_t *load_expiry(const uint8_t *at, const uint8_t *end, uint8_t kind,
                                  struct sibling *sibling)
{
    sibling->expiry_ms = 0;
    if ((kind & KIND_EXPIRES) == 0) {
        return at;
    }
    if ((size_t)(end - at) < U64) {
        return NULL;
    }
    sibling->expiry_ms = load_u64_le(at);
    return sibling->expiry_ms == 0 ? NULL : at + U64;
}

/* What a simple object needs besides the bytes it was read from, in one piece. */
struct simple {
    struct dot entry;
    struct sibling sibling;
};

static int decode_simple(struct arena *arena, const uint8_t *at, const uint8_t *end,
                         struct object *out)
{
    if ((size_t)(end - at) < SIMPLE_BYTES_MIN - 1) {
        return SHOAL_EPROTO;
    }
    struct simple *simple = arena_alloc(arena, sizeof(*simple));
    if (simple == NULL) {
        return SHOAL_ENOMEM;
    }
    struct sibling *sibling = &simple->sibling;
    uint8_t kind = *at++;
    int error = load_kind(kind, sibling);
    if (error != 0) {
        return error;
    }
    sibling->dot.actor = load_u64_le(at);
    sibling->hlc = load_u64_le(at + U64);
    at = varint_load(at + 2 * U64, end, &sibling->dot.counter);
    if (at != NULL) {
        at = load_expiry(at, end, kind, sibling);
    }
    if (at == NULL) {
        return SHOAL_EPROTO;
    }
    sibling->value = bytes_make(at, (size_t)(end - at));
    simple->entry = sibling->dot;
    struct object object = {
        .context = {.entries = &simple->entry, .count = 1},
        .siblings = sibling,
        .sibling_count = 1,
    };
    if (!object_valid(&object)) {
        return SHOAL_EPROTO;
    }
    *out = object;
    return 0;
}

static int load_sibling(const uint8_t **from, const uint8_t *end, struct sibling *sibling)
{
    const uint8_t *at = *from;
    if ((size_t)(end - at) < SIBLING_BYTES_MIN) {
        return SHOAL_EPROTO;
    }
    uint8_t kind = *at++;
    int error = load_kind(kind, sibling);
    if (error != 0) {
        return error;
    }
    sibling->dot.actor = load_u64_le(at);
    at = varint_load(at + U64, end, &sibling->dot.counter);
    if (at == NULL || (size_t)(end - at) < U64) {
        return SHOAL_EPROTO;
    }
    sibling->hlc = load_u64_le(at);
    at = load_expiry(at + U64, end, kind, sibling);
    uint64_t len = 0;
    if (at != NULL) {
        at = varint_load(at, end, &len);
    }
    if (at == NULL || len > (size_t)(end - at)) {
        return SHOAL_EPROTO;
    }
    sibling->value = bytes_make(at, (size_t)len);
    *from = at + len;
    return 0;
}

static int load_siblings(struct arena *arena, const uint8_t **at, const uint8_t *end,
                         struct object *object)
{
    uint64_t count;
    *at = varint_load(*at, end, &count);
    if (*at == NULL || count > LIMIT_SIBLINGS || count > (size_t)(end - *at) / SIBLING_BYTES_MIN) {
        return SHOAL_EPROTO;
    }
    if (count == 0) {
        return 0;
    }
    struct sibling *siblings = arena_alloc_array(arena, (size_t)count, sizeof(*siblings));
    if (siblings == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint64_t i = 0; i < count; i++) {
        int error = load_sibling(at, end, &siblings[i]);
        if (error != 0) {
            return error;
        }
    }
    object->siblings = siblings;
    object->sibling_count = (uint32_t)count;
    return 0;
}

static int decode_full(struct arena *arena, const uint8_t *at, const uint8_t *end,
                       struct object *out)
{
    struct object object = object_empty();
    int error = version_vector_load(arena, &at, end, &object.context);
    if (error == 0) {
        error = load_siblings(arena, &at, end, &object);
    }
    if (error != 0) {
        return error;
    }
    if (at != end || object_simple(&object) || !object_valid(&object)) {
        return SHOAL_EPROTO;
    }
    *out = object;
    return 0;
}

int object_decode(struct arena *arena, struct bytes bytes, struct object *out)
{
    if (bytes.len == 0 || bytes.len > LIMIT_OBJECT_BYTES) {
        return SHOAL_EPROTO;
    }
    uint8_t head = bytes.data[0];
    const uint8_t *at = bytes.data + 1;
    const uint8_t *end = bytes.data + bytes.len;
    if (head == (FORMAT | FLAG_SIMPLE)) {
        return decode_simple(arena, at, end, out);
    }
    if (head == FORMAT) {
        return decode_full(arena, at, end, out);
    }
    return SHOAL_EVERSION;
}

bool object_glance(struct bytes encoded, struct object_glance *out)
{
    if (encoded.len < SIMPLE_BYTES_MIN || encoded.data[0] != (FORMAT | FLAG_SIMPLE)) {
        return false;
    }
    uint64_t counter;
    const uint8_t *at = encoded.data + 2 + 2 * U64;
    if (varint_load(at, encoded.data + encoded.len, &counter) == NULL) {
        return false;
    }
    uint8_t kind = encoded.data[1];
    *out = (struct object_glance){
        .dot = {.actor = load_u64_le(encoded.data + 2), .counter = counter},
        .tombstone = (kind & ~KIND_EXPIRES) == SIBLING_TOMBSTONE,
        .expires = (kind & KIND_EXPIRES) != 0,
    };
    return true;
}

bool object_peek_simple(struct bytes encoded, struct dot *dot)
{
    struct object_glance glance;
    if (!object_glance(encoded, &glance)) {
        return false;
    }
    *dot = glance.dot;
    return true;
}
