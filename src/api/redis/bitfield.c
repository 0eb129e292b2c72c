/* BITFIELD: a string as an array of integers of any width up to 64 bits, at any bit. Operations are
 * carried out in order on one copy, which is written once, if anything in it has changed. What
 * doesn't fit wraps around, saturates, or fails, as the last OVERFLOW before it says. */
#include "api/redis/bit_run.h"
#include "api/redis/bitmap.h"
#include "api/redis/strings.h"

enum field_action { FIELD_GET, FIELD_SET, FIELD_INCREASE };
enum field_overflow { OVERFLOW_WRAP, OVERFLOW_SATURATE, OVERFLOW_FAIL };

struct field {
    enum field_action action;
    enum field_overflow overflow;
    bool is_signed;
    uint32_t width; /* in bits: 1 to 64, unsigned to 63 */
    uint64_t offset;
    int64_t operand; /* of SET and INCRBY */
};

struct fields {
    struct field *items;
    uint32_t count;
    bool writes;
    uint64_t last; /* the farthest bit written */
};

static bool take_overflow(struct redis_call *call, struct bytes word, enum field_overflow *out)
{
    static const char *const words[] = {"wrap", "sat", "fail"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (redis_is(word, words[i])) {
            *out = (enum field_overflow)i;
            return true;
        }
    }
    reply_error(call->reply, "ERR Invalid OVERFLOW type specified");
    return false;
}

/* "i8", "u63" */
static bool take_type(struct redis_call *call, struct bytes text, struct field *field)
{
    int64_t width = 0;
    field->is_signed = text.len > 0 && text.data[0] == 'i';
    if (text.len == 0 || (text.data[0] != 'i' && text.data[0] != 'u') ||
        !redis_integer(bytes_make(text.data + 1, text.len - 1), &width) || width < 1 ||
        width > (field->is_signed ? 64 : 63)) {
        reply_error(call->reply, "ERR Invalid bitfield type. Use something like i16 u8. Note that "
                                 "u64 is not supported but i64 is.");
        return false;
    }
    field->width = (uint32_t)width;
    return true;
}

/* How many arguments the operation at `argv` has behind its name; 0: it is none. */
static uint32_t action_of(const struct bytes *argv, uint32_t argc, enum field_action *out)
{
    if (redis_is(argv[0], "get") && argc > 2) {
        *out = FIELD_GET;
        return 2;
    }
    if (argc > 3 && (redis_is(argv[0], "set") || redis_is(argv[0], "incrby"))) {
        *out = redis_is(argv[0], "set") ? FIELD_SET : FIELD_INCREASE;
        return 3;
    }
    return 0;
}

static bool take_field(struct redis_call *call, const struct bytes *argv, struct field *field)
{
    return take_type(call, argv[1], field) &&
           bitmap_take_offset(call, argv[2], field->width, &field->offset) &&
           (field->action == FIELD_GET || redis_take_integer(call, argv[3], &field->operand));
}

static bool take_fields(struct redis_call *call, struct fields *fields)
{
    enum field_overflow overflow = OVERFLOW_WRAP;
    uint32_t i = 2;
    while (i < call->argc) {
        if (redis_is(call->argv[i], "overflow") && i + 1 < call->argc) {
            if (!take_overflow(call, call->argv[i + 1], &overflow)) {
                return false;
            }
            i += 2;
            continue;
        }
        struct field *field = &fields->items[fields->count];
        *field = (struct field){.overflow = overflow};
        uint32_t arguments = action_of(call->argv + i, call->argc - i, &field->action);
        if (arguments == 0) {
            redis_reply_syntax(call);
            return false;
        }
        if (!take_field(call, call->argv + i, field)) {
            return false;
        }
        if (field->action != FIELD_GET) {
            uint64_t last = field->offset + field->width - 1;
            fields->last = last > fields->last ? last : fields->last;
            fields->writes = true;
        }
        fields->count++;
        i += 1 + arguments;
    }
    return true;
}

/* ---- one field ---- */

static uint64_t width_mask(uint32_t width)
{
    return width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

/* The low bits as the field's type has them: signed ones get their sign back. */
static int64_t typed(const struct field *field, uint64_t bits)
{
    bits &= width_mask(field->width);
    bool negative = field->is_signed && (bits >> (field->width - 1) & 1) != 0;
    return (int64_t)(negative ? bits | ~width_mask(field->width) : bits);
}

static int64_t field_load(const struct field *field, struct bytes value)
{
    uint64_t bits = 0;
    for (uint64_t at = field->offset; at < field->offset + field->width; at++) {
        bool set = at / 8 < value.len && bit_at(value.data, at);
        bits = bits << 1 | (set ? 1 : 0);
    }
    return typed(field, bits);
}

/* The bytes hold it. */
static void field_store(const struct field *field, uint8_t *data, int64_t value)
{
    for (uint32_t i = 0; i < field->width; i++) {
        uint64_t at = field->offset + i;
        uint8_t mask = (uint8_t)(0x80 >> (at % 8));
        bool set = ((uint64_t)value >> (field->width - 1 - i) & 1) != 0;
        data[at / 8] = (uint8_t)(set ? data[at / 8] | mask : data[at / 8] & ~mask);
    }
}

static int64_t highest(const struct field *field)
{
    return (int64_t)(width_mask(field->width) >> (field->is_signed ? 1 : 0));
}

static int64_t lowest(const struct field *field)
{
    return field->is_signed ? -highest(field) - 1 : 0;
}

/* base + more, brought into the type's range. False: it doesn't fit and OVERFLOW is FAIL. What SET
 * puts into an unsigned field counts as unsigned: -1 is too much, not too little. */
static bool field_sum(const struct field *field, int64_t base, int64_t more, int64_t *out)
{
    int64_t sum = 0;
    bool over = __builtin_add_overflow(base, more, &sum);
    bool above = over ? more > 0 : sum > highest(field);
    bool below = over ? more < 0 : sum < lowest(field);
    if (field->action == FIELD_SET && !field->is_signed && below) {
        above = true;
    }
    if (!above && !below) {
        *out = sum;
        return true;
    }
    if (field->overflow == OVERFLOW_FAIL) {
        return false;
    }
    *out = field->overflow == OVERFLOW_WRAP ? typed(field, (uint64_t)base + (uint64_t)more)
           : above                          ? highest(field)
                                            : lowest(field);
    return true;
}

/* True: the bytes have changed. */
static bool field_run(struct redis_call *call, const struct field *field, uint8_t *data, size_t len)
{
    int64_t old = field_load(field, bytes_make(data, len));
    int64_t new = old;
    if (field->action == FIELD_GET) {
        reply_integer(call->reply, old);
        return false;
    }
    bool set = field->action == FIELD_SET;
    if (!field_sum(field, set ? field->operand : old, set ? 0 : field->operand, &new)) {
        reply_null(call->reply);
        return false;
    }
    reply_integer(call->reply, set ? old : new);
    field_store(field, data, new);
    return new != old;
}

static void fields_run(struct redis_call *call, const struct fields *fields)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    struct bytes old = bitmap_of(cell);
    size_t len = 0;
    uint8_t *data = NULL;
    if (fields->writes) {
        data = bitmap_grow(call, cell, fields->last, &len);
        if (data == NULL) {
            return;
        }
    }
    bool changed = len > old.len; /* even if all that would have been written failed */
    reply_array(call->reply, fields->count);
    for (uint32_t i = 0; i < fields->count; i++) {
        if (data != NULL) {
            changed |= field_run(call, &fields->items[i], data, len);
        } else {
            reply_integer(call->reply, field_load(&fields->items[i], old));
        }
    }
    if (fields->writes && changed) {
        redis_cell_put(cell, bytes_make(data, len), cell->found ? cell->expiry_ms : 0);
    }
}

void bitmap_bitfield(struct redis_call *call)
{
    bool readonly = (call->command->flags & COMMAND_READONLY) != 0;
    struct fields fields = {0};
    fields.items = (struct field *)(void *)redis_take_memory(call, (call->argc / 3 + 1) *
                                                                       sizeof(fields.items[0]));
    if (fields.items == NULL || !take_fields(call, &fields)) {
        return;
    }
    if (readonly && fields.writes) {
        reply_error(call->reply, "ERR BITFIELD_RO only supports the GET subcommand");
        return;
    }
    fields_run(call, &fields);
}

/* Near enough: what takes the place of an operation's argument is refused as no integer anyhow. */
const char *bitfield_linear(const struct bytes *argv, uint32_t argc)
{
    for (uint32_t i = 2; i < argc; i++) {
        if (redis_is(argv[i], "set")) {
            return "BITFIELD with SET";
        }
        if (redis_is(argv[i], "incrby")) {
            return "BITFIELD with INCRBY";
        }
    }
    return NULL;
}
