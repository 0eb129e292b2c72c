/* LCS: the longest common subsequence of two values, where a subsequence may leave bytes out but
 * not change their order; its length, itself, or the ranges of both that match.
 *
 * Row by row over the first value, a bit for each byte of the second: bit j of row i is clear where
 * the prefixes (i, j) have one more in common than (i, j - 1), as they never have two. A row
 * follows from the one before by an addition (Hyyrö, "Bit-parallel LCS-length computation
 * revisited", 2004), 64 columns at a time, and the bits of all rows are all that the way back
 * needs: where the last bytes differ it goes up if the bit of (i, j) is clear and left if it is
 * set. So it takes down to a 32nd of the table of lengths that Redis fills, and gives the same
 * answer: among equals it goes the same way. Redis's bound on its table is kept, so that the same
 * calls are refused. */
#include "api/redis/call.h"
#include "api/redis/strings.h"
#include "base/memory.h"

struct options {
    bool length, ranges, match_lengths;
    int64_t match_min;
};

struct range {
    uint32_t first_a, first_b, len;
};

/* From the end of both values to their beginning. */
struct alignment {
    struct bytes a, b;
    size_t words;   /* of a row */
    uint64_t *rows; /* a.len of them */
    uint64_t *masks;
    uint8_t *common; /* of `len` bytes */
    struct range *ranges;
    uint32_t len;
    uint32_t range_count;
};

static bool take_options(struct redis_call *call, struct options *out)
{
    *out = (struct options){0};
    for (uint32_t i = 3; i < call->argc; i++) {
        if (redis_is(call->argv[i], "idx")) {
            out->ranges = true;
        } else if (redis_is(call->argv[i], "len")) {
            out->length = true;
        } else if (redis_is(call->argv[i], "withmatchlen")) {
            out->match_lengths = true;
        } else if (redis_is(call->argv[i], "minmatchlen") && i + 1 < call->argc) {
            if (!redis_take_integer(call, call->argv[++i], &out->match_min)) {
                return false;
            }
        } else {
            redis_reply_syntax(call);
            return false;
        }
    }
    if (out->length && out->ranges) {
        reply_error(call->reply,
                    "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* For each byte that is in `a` a row of bits: where it is in `b`. */
static bool make_masks(struct alignment *way, uint64_t *mask_of[256])
{
    size_t count = 0;
    bool wanted[256] = {false};
    for (size_t i = 0; i < way->a.len; i++) {
        count += wanted[way->a.data[i]] ? 0 : 1;
        wanted[way->a.data[i]] = true;
    }
    way->masks = mem_alloc_zeroed(count * way->words, sizeof(uint64_t));
    if (way->masks == NULL) {
        return false;
    }
    uint64_t *next = way->masks;
    for (size_t byte = 0; byte < 256; byte++) {
        mask_of[byte] = wanted[byte] ? next : NULL;
        next += wanted[byte] ? way->words : 0;
    }
    for (size_t j = 0; j < way->b.len; j++) {
        uint64_t *mask = mask_of[way->b.data[j]];
        if (mask != NULL) {
            mask[j / 64] |= UINT64_C(1) << (j % 64);
        }
    }
    return true;
}

static void next_row(uint64_t *row, const uint64_t *above, const uint64_t *mask, size_t words)
{
    uint64_t carry = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t old = above != NULL ? above[w] : UINT64_MAX;
        uint64_t matched = old & mask[w];
        uint64_t sum = 0;
        bool over = __builtin_add_overflow(old, matched, &sum);
        over |= __builtin_add_overflow(sum, carry, &sum);
        carry = over ? 1 : 0;
        row[w] = sum | (old & ~mask[w]);
    }
}

/* The rows, and from the last the length; neither value is empty. False: no memory. */
static bool make_rows(struct alignment *way)
{
    uint64_t *mask_of[256];
    way->words = (way->b.len + 63) / 64;
    way->rows = mem_alloc(way->a.len * way->words * sizeof(uint64_t));
    if (way->rows == NULL || !make_masks(way, mask_of)) {
        return false;
    }
    const uint64_t *above = NULL;
    for (size_t i = 0; i < way->a.len; i++) {
        uint64_t *row = way->rows + i * way->words;
        next_row(row, above, mask_of[way->a.data[i]], way->words);
        above = row;
    }
    const uint64_t *last = way->rows + (way->a.len - 1) * way->words;
    for (size_t w = 0; w < way->words; w++) {
        uint64_t bits = ~last[w];
        bits &= w + 1 == way->words && way->b.len % 64 != 0 ? (UINT64_C(1) << (way->b.len % 64)) - 1
                                                            : UINT64_MAX;
        way->len += (uint32_t)__builtin_popcountll(bits);
    }
    return true;
}

static bool goes_up(const struct alignment *way, size_t i, size_t j)
{
    const uint64_t *row = way->rows + (i - 1) * way->words;
    return (row[(j - 1) / 64] >> ((j - 1) % 64) & 1) == 0;
}

/* Back from the ends: collects the common bytes and the ranges, the last range first. */
static void walk_back(struct alignment *way)
{
    size_t i = way->a.len;
    size_t j = way->b.len;
    size_t left = way->len;
    bool open = false; /* the last range goes on with what comes next */
    while (i > 0 && j > 0 && left > 0) {
        if (way->a.data[i - 1] != way->b.data[j - 1]) {
            bool up = goes_up(way, i, j);
            i -= up ? 1 : 0;
            j -= up ? 0 : 1;
            open = false;
            continue;
        }
        i--;
        j--;
        way->common[--left] = way->a.data[i];
        if (!open) {
            way->range_count++;
        }
        struct range *range = &way->ranges[way->range_count - 1];
        uint32_t len = open ? range->len + 1 : 1;
        *range = (struct range){.first_a = (uint32_t)i, .first_b = (uint32_t)j, .len = len};
        open = true;
    }
}

static bool align(struct alignment *way)
{
    if (way->a.len == 0 || way->b.len == 0) {
        return true;
    }
    if (!make_rows(way)) {
        return false;
    }
    way->common = mem_alloc(way->len);
    way->ranges = mem_alloc(way->len * sizeof(way->ranges[0]));
    if (way->common == NULL || way->ranges == NULL) {
        return false;
    }
    walk_back(way);
    return true;
}

static void reply_span(struct reply *reply, uint32_t first, uint32_t len)
{
    reply_array(reply, 2);
    reply_integer(reply, first);
    reply_integer(reply, (int64_t)first + len - 1);
}

static void reply_ranges(struct reply *reply, const struct alignment *way,
                         const struct options *options)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < way->range_count; i++) {
        count += way->ranges[i].len >= options->match_min ? 1 : 0;
    }
    reply_map(reply, 2);
    reply_bulk_text(reply, "matches");
    reply_array(reply, count);
    for (uint32_t i = 0; i < way->range_count; i++) {
        const struct range *range = &way->ranges[i];
        if (range->len >= options->match_min) {
            reply_array(reply, options->match_lengths ? 3 : 2);
            reply_span(reply, range->first_a, range->len);
            reply_span(reply, range->first_b, range->len);
            if (options->match_lengths) {
                reply_integer(reply, range->len);
            }
        }
    }
    reply_bulk_text(reply, "len");
    reply_integer(reply, way->len);
}

static void reply_alignment(struct reply *reply, const struct alignment *way,
                            const struct options *options)
{
    if (options->ranges) {
        reply_ranges(reply, way, options);
    } else if (options->length) {
        reply_integer(reply, way->len);
    } else {
        reply_bulk(reply, bytes_make(way->common, way->len));
    }
}

void string_lcs(struct redis_call *call)
{
    struct options options;
    if (!take_options(call, &options)) {
        return;
    }
    const struct unit_cell *a = redis_cell(call, call->argv[1]);
    const struct unit_cell *b = redis_cell(call, call->argv[2]);
    struct alignment way = {.a = a->found ? a->value : bytes_make(NULL, 0),
                            .b = b->found ? b->value : bytes_make(NULL, 0)};
    uint64_t cells_max = REDIS_STRING_BYTES_MAX / sizeof(uint32_t);
    if (way.a.len + 1 > cells_max / (way.b.len + 1)) {
        reply_error(call->reply, "ERR Insufficient memory, transient memory for LCS exceeds "
                                 "proto-max-bulk-len");
        return;
    }
    if (align(&way)) {
        reply_alignment(call->reply, &way, &options);
    } else {
        reply_error(call->reply, "ERR Insufficient memory, failed allocating transient memory for "
                                 "LCS");
    }
    mem_free(way.rows);
    mem_free(way.masks);
    mem_free(way.common);
    mem_free(way.ranges);
}
