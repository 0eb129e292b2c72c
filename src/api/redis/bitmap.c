/* Strings as bitmaps: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Beyond its end a string is zeros
 * without end, and so is a key that isn't there; a bit that is set there makes it longer. */
#include "api/redis/bitmap.h"

#include "api/redis/bit_run.h"
#include "api/redis/strings.h"

bool bitmap_take_offset(struct redis_call *call, struct bytes text, uint32_t width, uint64_t *out)
{
    bool times = width > 0 && text.len > 0 && text.data[0] == '#';
    struct bytes digits = times ? bytes_make(text.data + 1, text.len - 1) : text;
    int64_t offset = 0;
    bool is_integer = redis_integer(digits, &offset);
    if (times) {
        offset = (int64_t)((uint64_t)offset * width); /* around 2^64 too, as Redis does */
    }
    if (!is_integer || offset < 0 || (uint64_t)offset / 8 >= REDIS_STRING_BYTES_MAX) {
        reply_error(call->reply, "ERR bit offset is not an integer or out of range");
        return false;
    }
    *out = (uint64_t)offset;
    return true;
}

uint8_t *bitmap_grow(struct redis_call *call, const struct unit_cell *cell, uint64_t last,
                     size_t *len)
{
    struct bytes old = bitmap_of(cell);
    size_t new_len = last / 8 + 1 > old.len ? last / 8 + 1 : old.len;
    if (!redis_take_size(call, new_len)) {
        return NULL;
    }
    uint8_t *data = redis_take_memory(call, new_len);
    if (data != NULL) {
        if (old.len > 0) {
            memcpy(data, old.data, old.len);
        }
        memset(data + old.len, 0, new_len - old.len);
        *len = new_len;
    }
    return data;
}

void bitmap_setbit(struct redis_call *call)
{
    uint64_t offset = 0;
    int64_t bit = 0;
    if (!bitmap_take_offset(call, call->argv[2], 0, &offset)) {
        return;
    }
    if (!redis_integer(call->argv[3], &bit) || (bit != 0 && bit != 1)) {
        reply_error(call->reply, "ERR bit is not an integer or out of range");
        return;
    }
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    struct bytes old = bitmap_of(cell);
    bool inside = offset / 8 < old.len;
    bool was = inside && bit_at(old.data, offset);
    if (!inside || was != (bit == 1)) { /* else nothing changes, and nothing is written */
        size_t len = 0;
        uint8_t *data = bitmap_grow(call, cell, offset, &len);
        if (data == NULL) {
            return;
        }
        uint8_t mask = (uint8_t)(0x80 >> (offset % 8));
        data[offset / 8] = (uint8_t)(bit == 1 ? data[offset / 8] | mask : data[offset / 8] & ~mask);
        redis_cell_put(cell, bytes_make(data, len), cell->found ? cell->expiry_ms : 0);
    }
    reply_integer(call->reply, was ? 1 : 0);
}

void bitmap_getbit(struct redis_call *call)
{
    uint64_t offset = 0;
    if (bitmap_take_offset(call, call->argv[2], 0, &offset)) {
        struct bytes value = bitmap_of(redis_cell(call, call->argv[1]));
        bool set = offset / 8 < value.len && bit_at(value.data, offset);
        reply_integer(call->reply, set ? 1 : 0);
    }
}

static bool take_unit(struct redis_call *call, struct bytes text, bool *of_bits)
{
    *of_bits = redis_is(text, "bit");
    if (!*of_bits && !redis_is(text, "byte")) {
        redis_reply_syntax(call);
        return false;
    }
    return true;
}

/* From ends of which negative ones count from the end, to the bits they mean. False: none. */
static bool run_between(size_t len, int64_t first, int64_t last, bool of_bits, struct bit_run *out)
{
    int64_t total = of_bits ? (int64_t)len * 8 : (int64_t)len;
    first = first < 0 ? first + total : first;
    last = last < 0 ? last + total : last;
    first = first < 0 ? 0 : first;
    last = last < 0 ? 0 : last;
    last = last >= total ? total - 1 : last;
    if (first > last) {
        return false;
    }
    *out = of_bits ? (struct bit_run){.first = (uint64_t)first, .last = (uint64_t)last}
                   : (struct bit_run){.first = (uint64_t)first * 8, .last = (uint64_t)last * 8 + 7};
    return true;
}

/* As in Redis the other arguments are not looked at where no key is, and BYTE or BIT not where both
 * ends are negative and crossed. */
void bitmap_bitcount(struct redis_call *call)
{
    const struct unit_cell *cell = redis_cell(call, call->argv[1]);
    int64_t first = 0;
    int64_t last = -1;
    bool of_bits = false;
    if (!cell->found) {
        reply_integer(call->reply, 0);
        return;
    }
    if (call->argc != 2 && call->argc != 4 && call->argc != 5) {
        redis_reply_syntax(call);
        return;
    }
    if (call->argc > 2 && (!redis_take_integer(call, call->argv[2], &first) ||
                           !redis_take_integer(call, call->argv[3], &last))) {
        return;
    }
    if (first < 0 && last < 0 && first > last) {
        reply_integer(call->reply, 0);
        return;
    }
    if (call->argc == 5 && !take_unit(call, call->argv[4], &of_bits)) {
        return;
    }
    struct bit_run run;
    bool some = run_between(cell->value.len, first, last, of_bits, &run);
    reply_integer(call->reply, some ? (int64_t)bit_run_count(cell->value.data, run) : 0);
}

static bool take_bitpos_ends(struct redis_call *call, int64_t *first, int64_t *last, bool *of_bits)
{
    if (call->argc > 6) {
        redis_reply_syntax(call);
        return false;
    }
    return (call->argc < 4 || redis_take_integer(call, call->argv[3], first)) &&
           (call->argc < 6 || take_unit(call, call->argv[5], of_bits)) &&
           (call->argc < 5 || redis_take_integer(call, call->argv[4], last));
}

/* The first clear bit of a string of ones is the one behind its end, unless an end was given. */
void bitmap_bitpos(struct redis_call *call)
{
    int64_t bit = 0;
    if (!redis_take_integer(call, call->argv[2], &bit)) {
        return;
    }
    if (bit != 0 && bit != 1) {
        reply_error(call->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    const struct unit_cell *cell = redis_cell(call, call->argv[1]);
    if (!cell->found) {
        reply_integer(call->reply, bit == 1 ? -1 : 0);
        return;
    }
    int64_t first = 0;
    int64_t last = -1;
    bool of_bits = false;
    if (!take_bitpos_ends(call, &first, &last, &of_bits)) {
        return;
    }
    struct bit_run run;
    int64_t at = -1;
    if (run_between(cell->value.len, first, last, of_bits, &run)) {
        at = bit_run_find(cell->value.data, run, bit == 1);
        if (at < 0 && bit == 0 && call->argc < 5) {
            at = (int64_t)cell->value.len * 8;
        }
    }
    reply_integer(call->reply, at);
}

enum bit_operation { BITS_AND, BITS_OR, BITS_XOR, BITS_NOT, BITS_NONE };

static enum bit_operation operation_of(struct bytes word)
{
    static const char *const words[] = {"and", "or", "xor", "not"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (redis_is(word, words[i])) {
            return (enum bit_operation)i;
        }
    }
    return BITS_NONE;
}

static uint64_t combined(enum bit_operation operation, uint64_t a, uint64_t b)
{
    return operation == BITS_AND ? a & b : operation == BITS_OR ? a | b : a ^ b;
}

/* A word at a time. */
static void combine(enum bit_operation operation, uint8_t *into, struct bytes with, size_t len)
{
    size_t both = with.len < len ? with.len : len;
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= both; at += sizeof(uint64_t)) {
        uint64_t a;
        uint64_t b;
        memcpy(&a, into + at, sizeof(a));
        memcpy(&b, with.data + at, sizeof(b));
        a = combined(operation, a, b);
        memcpy(into + at, &a, sizeof(a));
    }
    for (; at < both; at++) {
        into[at] = (uint8_t)combined(operation, into[at], with.data[at]);
    }
    if (operation == BITS_AND) {
        memset(into + both, 0, len - both);
    }
}

void bitmap_bitop(struct redis_call *call)
{
    enum bit_operation operation = operation_of(call->argv[1]);
    if (operation == BITS_NONE) {
        redis_reply_syntax(call);
        return;
    }
    if (operation == BITS_NOT && call->argc != 4) {
        reply_error(call->reply, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    size_t len = 0;
    for (uint32_t i = 3; i < call->argc; i++) {
        size_t source = bitmap_of(redis_cell(call, call->argv[i])).len;
        len = source > len ? source : len;
    }
    struct unit_cell *target = redis_cell(call, call->argv[2]);
    if (len == 0) {
        if (target->found) {
            redis_cell_delete(target);
        }
        reply_integer(call->reply, 0);
        return;
    }
    /* begin with the first source, zeros behind it */
    size_t made = 0;
    uint8_t *data =
        bitmap_grow(call, redis_cell(call, call->argv[3]), (uint64_t)len * 8 - 1, &made);
    if (data == NULL) {
        return;
    }
    for (size_t i = 0; operation == BITS_NOT && i < len; i++) {
        data[i] = (uint8_t)~data[i];
    }
    for (uint32_t i = 4; i < call->argc; i++) {
        combine(operation, data, bitmap_of(redis_cell(call, call->argv[i])), len);
    }
    redis_cell_put(target, bytes_make(data, len), 0);
    reply_integer(call->reply, (int64_t)len);
}
