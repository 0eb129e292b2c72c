/* What a read was answered, and what that comes to. This node's own copy stands in the merge from
 * the beginning; others that hold the same say no more than that, and nothing has to be merged.
 * Where answers differ, each is an object and the clock of its holding, and they are merged under
 * each other's clocks (side.h). */
#include "base/assert.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "coordinate/read.h"
#include "coordinate/side.h"
#include "shoal/error.h"

uint64_t read_digest(struct bytes encoded)
{
    return encoded.data == NULL ? 0 : hash_xxh3(encoded);
}

/* ---- the merge ---- */

/* Replaces the merge; an object without siblings is nothing. */
static int read_put_merged(struct operation *operation, const struct object *object)
{
    buffer_clear(&operation->merged);
    if (object->sibling_count == 0) {
        return 0;
    }
    int result = buffer_reserve(&operation->merged, object_encoded_size_max(object));
    return result < 0 ? result : object_encode(object, &operation->merged);
}

/* Takes an object (data NULL: nothing there) into the merge. 0 or an error. */
static int read_merge(struct operation *operation, struct bytes encoded)
{
    struct arena *arena = operation->coordinator->arena;
    bool first = operation->merged.len == 0;
    ASSERT(first || operation->merged.data != NULL);
    if (encoded.data == NULL ||
        (!first && bytes_equal(encoded, buffer_bytes(&operation->merged)))) {
        return 0;
    }
    struct object incoming;
    int result = object_decode(arena, encoded, &incoming);
    if (result < 0 || first) {
        return result < 0 ? result : buffer_append_bytes(&operation->merged, encoded);
    }
    /* The decoded merge borrows its values from the buffer that is about to be rewritten. */
    struct bytes present = arena_copy(arena, buffer_bytes(&operation->merged));
    if (present.data == NULL) {
        return SHOAL_ENOMEM;
    }
    struct object held;
    struct object merged;
    result = object_decode(arena, present, &held);
    if (result == 0) {
        result = object_merge(arena, &held, &incoming, &merged);
    }
    return result == 0 ? read_put_merged(operation, &merged) : result;
}

static bool read_has_room(struct operation *operation, size_t bytes)
{
    size_t held = operation->merged.len + operation->answers.len;
    if (!operation_may_hold(operation, held + bytes)) {
        operation->over_budget = true;
        return false;
    }
    return true;
}

static void read_count_held(struct operation *operation)
{
    operation_hold(operation, operation->merged.len + operation->answers.len);
}

int read_hold(struct operation *operation, struct bytes encoded)
{
    if (!read_has_room(operation, encoded.len)) {
        return SHOAL_EOVERLOAD;
    }
    int result = read_merge(operation, encoded);
    read_count_held(operation);
    return result;
}

int read_hold_own(struct operation *operation, struct bytes encoded)
{
    if (operation->phase == OPERATION_LINGERING) {
        return 0; /* the merge is what the client was told; this is compared with it */
    }
    if (read_is_whole(operation)) {
        buffer_clear(&operation->merged);
    }
    return read_hold(operation, encoded);
}

/* ---- others' answers ---- */

static struct bytes read_piece_object(const struct operation *operation, uint32_t target)
{
    const struct read_piece *piece = &operation->pieces[target];
    return piece->object_len == 0
               ? bytes_make(NULL, 0)
               : bytes_make(operation->answers.data + piece->object_at, piece->object_len);
}

/* The same bytes, kept for another already: then they are not kept twice. */
static bool read_find_object(const struct operation *operation, struct bytes object, size_t *at)
{
    for (uint64_t rest = operation->kept; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (bytes_equal(read_piece_object(operation, i), object)) {
            *at = operation->pieces[i].object_at;
            return true;
        }
    }
    return false;
}

/* Decodes both once, for what can't be decoded is no answer. */
static int read_check_piece(struct operation *operation, struct bytes object, struct bytes clock)
{
    struct object decoded;
    struct partition_clock seen;
    int result = 0;
    if (object.data != NULL) {
        result = object_decode(operation->coordinator->arena, object, &decoded);
    }
    if (result == 0 && clock.data != NULL) {
        partition_clock_init(&seen);
        result = partition_clock_decode(clock, &seen);
        partition_clock_deinit(&seen);
    }
    return result;
}

int read_keep(struct operation *operation, uint32_t target, struct bytes object, struct bytes clock)
{
    if (!read_has_room(operation, object.len + clock.len)) {
        return SHOAL_EOVERLOAD;
    }
    int result = read_check_piece(operation, object, clock);
    if (result < 0) {
        return result;
    }
    struct buffer *answers = &operation->answers;
    struct read_piece piece = {.object_len = object.len, .clock_len = clock.len};
    result = buffer_reserve(answers, object.len + clock.len);
    if (result < 0) {
        return result;
    }
    if (object.len > 0 && !read_find_object(operation, object, &piece.object_at)) {
        piece.object_at = answers->len;
        (void)buffer_append_bytes(answers, object);
    }
    piece.clock_at = answers->len;
    (void)buffer_append_bytes(answers, clock);
    operation->pieces[target] = piece;
    operation->kept |= operation_bit(target);
    read_count_held(operation);
    return 0;
}

bool read_agrees(const struct operation *operation, uint64_t votes)
{
    uint64_t first = votes == 0 ? 0 : operation->digests[__builtin_ctzll(votes)];
    for (uint64_t rest = MUTANT(answers_alike) ? 0 : votes; rest != 0; rest &= rest - 1) {
        if (operation->digests[__builtin_ctzll(rest)] != first) {
            return false;
        }
    }
    return true;
}

int read_settle_alike(struct operation *operation, uint64_t votes)
{
    uint64_t kept = operation->kept & votes;
    int self = placement_index(&operation->placement, operation->coordinator->self);
    if (self >= 0 && (votes & operation_bit((uint32_t)self)) != 0) {
        return 0; /* the merge is what this node holds */
    }
    if (kept == 0) {
        uint64_t digest = operation->digests[__builtin_ctzll(votes)];
        return read_digest(buffer_bytes(&operation->merged)) == digest ? 0 : 1;
    }
    struct bytes object = read_piece_object(operation, (uint32_t)__builtin_ctzll(kept));
    buffer_clear(&operation->merged);
    return object.data == NULL ? 0 : buffer_append_bytes(&operation->merged, object);
}

/* ---- under each other's clocks ---- */

/* An answer as it was kept. */
static int read_side_of(struct operation *operation, uint32_t target, struct side *out)
{
    const struct read_piece *piece = &operation->pieces[target];
    struct bytes object = read_piece_object(operation, target);
    int result = object.data == NULL
                     ? 0
                     : object_decode(operation->coordinator->arena, object, &out->object);
    if (result == 0 && piece->clock_len > 0) {
        result = side_read_clock(
            out, bytes_make(operation->answers.data + piece->clock_at, piece->clock_len));
    }
    return result;
}

/* This node's own, as it is now. */
static int read_own_side(struct operation *operation, struct side *out)
{
    struct coordinator *coordinator = operation->coordinator;
    struct bytes encoded;
    int result = read_local_copy(operation, &encoded);
    if (result != REPLICA_DONE) {
        return result;
    }
    int self = placement_index(&operation->placement, coordinator->self);
    operation->digests[self] = read_digest(encoded);
    out->clock = &replica_holding(coordinator->replica, operation->partition)->clock;
    return encoded.data == NULL ? REPLICA_DONE
                                : object_decode(coordinator->arena, encoded, &out->object);
}

int read_settle(struct operation *operation, uint64_t votes, bool *own)
{
    struct side *sides =
        arena_alloc_array(operation->coordinator->arena, LIMIT_REQUEST_TARGETS + 1, sizeof(*sides));
    if (sides == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = 0;
    int result = 0;
    for (uint64_t rest = operation->kept & votes; rest != 0 && result == 0; rest &= rest - 1) {
        side_init(&sides[count]);
        result = read_side_of(operation, (uint32_t)__builtin_ctzll(rest), &sides[count++]);
    }
    int self = placement_index(&operation->placement, operation->coordinator->self);
    *own = result == 0 && self >= 0 && (votes & operation_bit((uint32_t)self)) != 0;
    if (*own) {
        side_init(&sides[count]);
        result = read_own_side(operation, &sides[count++]);
    }
    if (result == 0) {
        *own = false;
        struct object whole;
        result = side_merge(operation->coordinator->arena, sides, count, &whole);
        result = result == 0 ? read_put_merged(operation, &whole) : result;
        read_count_held(operation);
    }
    for (uint32_t i = 0; i < count; i++) {
        side_deinit(&sides[i]);
    }
    return result;
}
