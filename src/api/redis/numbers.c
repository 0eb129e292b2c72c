/* Strings as numbers: INCR and its kin, INCRBYFLOAT. Exact here, where one cell is read and written
 * in one step; between several owners the integer ones become increments of a counter (SPREAD_ADD)
 * and don't come here. The expiry stays as it was. */
#include <math.h>
#include <stdio.h>

#include "api/redis/call.h"
#include "model/counter.h"

#define FLOAT_BYTES 5200u /* the largest long double has 4933 digits; 17 behind the point */

static uint64_t old_expiry(const struct unit_cell *cell)
{
    return cell->found ? cell->expiry_ms : 0;
}

static void run_increment(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    int64_t value = 0;
    int64_t delta = 0;
    if (!redis_take_delta(call, &delta) ||
        (cell->found && !redis_take_integer(call, cell->value, &value))) {
        return;
    }
    if (__builtin_add_overflow(value, delta, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    uint8_t *text = redis_take_memory(call, NUMBER_DIGITS_MAX);
    if (text != NULL) {
        uint32_t len = number_print(value, (char *)text);
        redis_cell_put(cell, bytes_make(text, len), old_expiry(cell));
        reply_integer(call->reply, value);
    }
}

static bool take_float(struct redis_call *call, struct bytes text, long double *out)
{
    if (!redis_double(text, out)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return false;
    }
    return true;
}

/* 17 digits behind the point, less the zeros at the end: what people wrote comes back as they wrote
 * it. No exponent and no negative zero. */
static size_t write_float(long double value, char out[FLOAT_BYTES])
{
    size_t len = (size_t)snprintf(out, FLOAT_BYTES, "%.17Lf", value);
    while (out[len - 1] == '0') {
        len--;
    }
    if (out[len - 1] == '.') {
        len--;
    }
    if (len == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        len = 1;
    }
    return len;
}

static void run_increment_float(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    long double value = 0;
    long double delta = 0;
    if ((cell->found && !take_float(call, cell->value, &value)) ||
        !take_float(call, call->argv[2], &delta)) {
        return;
    }
    value += delta;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[FLOAT_BYTES];
    size_t len = write_float(value, text);
    uint8_t *copy = redis_take_memory(call, len);
    if (copy != NULL) {
        memcpy(copy, text, len);
        redis_cell_put(cell, bytes_make(copy, len), old_expiry(cell));
        reply_bulk(call->reply, bytes_make(copy, len));
    }
}

#define COUNTER_CLUSTERED                                                                          \
    "An increment of a counter that several nodes may add to at once: none is lost and each "      \
    "counts once, but two sides of a partition can answer the same number. A timeout leaves it "   \
    "unknown whether it was added."

const struct command commands_numbers[] = {
    {
        .name = "incr",
        .arity = 2,
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_ADD,
        .run = run_increment,
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Adds one to the integer at a key; a missing key counts as 0.",
        .syntax = "INCR key",
        .acl = "@write @string @fast",
        .clustered = COUNTER_CLUSTERED,
    },
    {
        .name = "decr",
        .arity = 2,
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_ADD,
        .run = run_increment,
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Takes one from the integer at a key; a missing key counts as 0.",
        .syntax = "DECR key",
        .acl = "@write @string @fast",
        .clustered = COUNTER_CLUSTERED,
    },
    {
        .name = "incrby",
        .arity = 3,
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_ADD,
        .run = run_increment,
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Adds an integer to the one at a key; a missing key counts as 0.",
        .syntax = "INCRBY key increment",
        .acl = "@write @string @fast",
        .clustered = COUNTER_CLUSTERED,
    },
    {
        .name = "decrby",
        .arity = 3,
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_ADD,
        .run = run_increment,
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Takes an integer from the one at a key; a missing key counts as 0.",
        .syntax = "DECRBY key decrement",
        .acl = "@write @string @fast",
        .clustered = COUNTER_CLUSTERED,
    },
    {
        .name = "incrbyfloat",
        .arity = 3,
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_LINEAR,
        .run = run_increment_float,
        .group = "string",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Adds a decimal number to the one at a key; a missing key counts as 0.",
        .syntax = "INCRBYFLOAT key increment",
        .acl = "@write @string @fast",
        .clustered = "Refused: sums of decimal numbers that several nodes round differ.",
    },
    {0},
};
