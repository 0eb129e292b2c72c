/* What commands about all keys are asked, and SCAN's cursor.
 *
 *      cursor    0 ... 0 | 16 bits partition | 37 bits, the upper ones of the position in it
 *
 * Redis's cursors have 64 bits, but clients that keep them as doubles (node-redis 4, anything that
 * passes them through JSON) only keep 53 of them whole. Positions are a keyed hash that all nodes
 * of a cluster share, so a cursor means the same at every node and after every change of the
 * layout. */
#include <ctype.h>

#include "api/redis/call.h"
#include "api/redis/sweep.h"
#include "base/limits.h"
#include "shoal/error.h"

#define POSITION_BITS 37u
#define PARTITION_BITS 16u
#define COUNT_DEFAULT 10u

/* ---- cursors --------------------------------------------------------------------------------- */

uint64_t sweep_cursor_of(uint32_t partition, uint64_t position)
{
    return (uint64_t)partition << POSITION_BITS | position >> (64 - POSITION_BITS);
}

bool sweep_cursor_place(uint64_t cursor, uint32_t partitions, uint32_t *partition,
                        uint64_t *position)
{
    if (cursor >> POSITION_BITS >= partitions) {
        return false;
    }
    *partition = (uint32_t)(cursor >> POSITION_BITS);
    *position = cursor << (64 - POSITION_BITS);
    return true;
}

/* As Redis reads it, by strtoul: digits with or without a sign, up to a NUL; nothing is 0. */
static bool read_cursor(struct bytes text, uint64_t *out)
{
    size_t len = strnlen((const char *)text.data, text.len);
    bool negative = len > 0 && text.data[0] == '-';
    size_t at = len > 0 && (negative || text.data[0] == '+') ? 1 : 0;
    uint64_t value = 0;
    if (at == len && len > 0) {
        return false;
    }
    for (; at < len; at++) {
        if (!isdigit(text.data[at]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.data[at] - '0', &value)) {
            return false;
        }
    }
    *out = negative ? 0 - value : value;
    return true;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static bool take_pattern(struct redis_call *call, struct arena *memory, struct bytes pattern,
                         struct sweep_question *out)
{
    out->glob = NULL;
    if (bytes_equal(pattern, bytes_from_string("*"))) {
        return true; /* the name that is empty, too */
    }
    int code = glob_compile(memory, pattern, false, &out->glob);
    if (code == SHOAL_ETOOBIG) {
        reply_error_format(call->reply,
                           "ERR the pattern is longer than %u bytes, or than %u with ? or [ "
                           "between two stars",
                           GLOB_BYTES_MAX, GLOB_SEARCHED_MAX);
    } else if (code != 0) {
        reply_error(call->reply, "OOM no memory for the pattern");
    }
    return code == 0;
}

bool sweep_take_keys(struct redis_call *call, struct arena *memory, struct sweep_question *out)
{
    *out = (struct sweep_question){0};
    return take_pattern(call, memory, call->argv[1], out);
}

static bool take_count(struct redis_call *call, struct bytes text, struct sweep_question *out)
{
    int64_t count;
    if (!redis_take_integer(call, text, &count)) {
        return false;
    }
    if (count < 1) {
        redis_reply_syntax(call);
        return false;
    }
    out->count = count < LIMIT_LIST_KEYS ? (uint32_t)count : LIMIT_LIST_KEYS;
    return true;
}

/* The option and its argument. */
static bool take_option(struct redis_call *call, struct arena *memory, const struct bytes *option,
                        struct sweep_question *out)
{
    if (redis_is(option[0], "match")) {
        return take_pattern(call, memory, option[1], out);
    }
    if (redis_is(option[0], "count")) {
        return take_count(call, option[1], out);
    }
    if (redis_is(option[0], "type")) {
        out->nothing = !redis_is(option[1], "string");
        return true;
    }
    redis_reply_syntax(call);
    return false;
}

bool sweep_take_scan(struct redis_call *call, struct arena *memory, struct sweep_question *out)
{
    *out = (struct sweep_question){.count = COUNT_DEFAULT};
    if (!read_cursor(call->argv[1], &out->cursor)) {
        reply_error(call->reply, "ERR invalid cursor");
        return false;
    }
    for (uint32_t i = 2; i < call->argc; i += 2) {
        if (i + 1 == call->argc) {
            redis_reply_syntax(call);
            return false;
        }
        if (!take_option(call, memory, &call->argv[i], out)) {
            return false;
        }
    }
    return true;
}

bool sweep_take_flush(struct redis_call *call)
{
    if (call->argc == 1 || (call->argc == 2 && (redis_is(call->argv[1], "sync") ||
                                                redis_is(call->argv[1], "async")))) {
        return true;
    }
    redis_reply_syntax(call);
    return false;
}

bool sweep_shows(const struct sweep_question *question, struct bytes key)
{
    return !question->nothing && (question->glob == NULL || glob_matches(question->glob, key));
}
