/* Arguments as Redis takes them: integers, floats, expiry times, words, and what is said when they
 * are none of it. The rules and the texts are Redis's, for clients match on them; in particular a
 * number is taken in its one canonical spelling only, so that a value that reads as an integer is
 * the same bytes when it is written back. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "api/redis/call.h"
#include "base/limits.h"
#include "base/mutant.h"

#define INTEGER_DIGITS_MAX 20u      /* "-9223372036854775808" */
#define FLOAT_BYTES_MAX (5u * 1024) /* any long double without an exponent fits */

bool redis_integer(struct bytes text, int64_t *out)
{
    if (text.len == 0 || text.len > INTEGER_DIGITS_MAX) {
        return false;
    }
    bool negative = text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.len || text.data[at] < '0' || text.data[at] > '9' ||
        (text.data[at] == '0' && text.len > 1)) {
        return false;
    }
    int64_t value = 0; /* kept negative: there is one more of them */
    for (; at < text.len; at++) {
        int digit = text.data[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *out = negative ? value : -value;
    return true;
}

bool redis_double(struct bytes text, long double *out)
{
    char copy[FLOAT_BYTES_MAX];
    if (text.len == 0 || text.len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (strchr(" \t\n\v\f\r", copy[0]) != NULL) {
        return false; /* strtold would pass over it */
    }
    char *end = NULL;
    errno = 0;
    long double value = strtold(copy, &end);
    if ((size_t)(end - copy) != text.len || isnan(value) ||
        (errno == ERANGE && (isinf(value) || value == 0))) {
        return false;
    }
    *out = value;
    return true;
}

bool redis_is(struct bytes argument, const char *word)
{
    size_t len = strlen(word);
    return argument.len == len && strncasecmp((const char *)argument.data, word, len) == 0;
}

bool redis_take_integer(struct redis_call *call, struct bytes text, int64_t *out)
{
    if (!redis_integer(text, out)) {
        reply_error(call->reply, "ERR value is not an integer or out of range");
        return false;
    }
    return true;
}

bool redis_take_database(struct redis_call *call, struct bytes text)
{
    int64_t index;
    if (!redis_take_integer(call, text, &index)) {
        return false;
    }
    if (index < INT_MIN || index > INT_MAX) {
        reply_error_format(call->reply, "ERR value is out of range, value must between %d and %d",
                           INT_MIN, INT_MAX);
    } else if (index != 0) {
        reply_error(call->reply, "ERR DB index is out of range");
    }
    return index == 0;
}

bool redis_take_expiry(struct redis_call *call, struct bytes text, bool seconds, bool relative,
                       int64_t *expiry_ms)
{
    int64_t when = 0;
    if (!redis_take_integer(call, text, &when)) {
        return false;
    }
    if ((seconds && !MUTANT(ttl_units) && __builtin_mul_overflow(when, 1000, &when)) ||
        (relative && __builtin_add_overflow(when, (int64_t)call->now_ms, &when))) {
        redis_reply_expiry(call);
        return false;
    }
    *expiry_ms = when;
    return true;
}

bool redis_take_delta(struct redis_call *call, int64_t *delta)
{
    bool down = call->command->name[0] == 'd';
    int64_t value = 1;
    if (call->argc > 2 && !redis_take_integer(call, call->argv[2], &value)) {
        return false;
    }
    if (down && value == INT64_MIN) {
        reply_error(call->reply, "ERR decrement would overflow");
        return false;
    }
    *delta = down ? -value : value;
    return true;
}

bool redis_take_size(struct redis_call *call, uint64_t size)
{
    uint64_t max = call->value_bytes_max != 0 ? call->value_bytes_max : REDIS_STRING_BYTES_MAX;
    if (size > max) {
        reply_error(call->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return false;
    }
    return true;
}

uint8_t *redis_take_memory(struct redis_call *call, size_t size)
{
    bool fits = call->memory->held <= LIMIT_UNIT_BYTES && size <= LIMIT_UNIT_BYTES;
    uint8_t *memory = fits ? arena_alloc(call->memory, size) : NULL;
    if (memory == NULL) {
        reply_error(call->reply, "OOM no memory for the value");
    }
    return memory;
}

void redis_reply_expiry(struct redis_call *call)
{
    char name[COMMAND_NAME_BYTES];
    command_full_name(call->command, name);
    reply_error_format(call->reply, "ERR invalid expire time in '%s' command", name);
}

void redis_reply_syntax(struct redis_call *call)
{
    reply_error(call->reply, "ERR syntax error");
}

void redis_reply_arity(struct redis_call *call)
{
    char name[COMMAND_NAME_BYTES];
    command_full_name(call->command, name);
    reply_error_format(call->reply, "ERR wrong number of arguments for '%s' command", name);
}
