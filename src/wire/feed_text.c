/* Names of the feed's events and gaps, and what a gap means in words: the same on the wire of HTTP,
 * in the C client and on the command line. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "shoal/error.h"
#include "wire/messages.h"

#define NAMED_OPS 5u /* those that a reader may ask for */

static const char *const op_names[] = {
    [FEED_PUT] = "put",   [FEED_DELETE] = "delete", [FEED_EXPIRE] = "expire",
    [FEED_LIST] = "list", [FEED_READ] = "read",     [FEED_GAP] = "gap",
    [FEED_BACK] = "back", [FEED_FLUSH] = "flush",
};

static const char *const gap_names[] = {
    [FEED_GAP_AWAY] = "away",       [FEED_GAP_TRIMMED] = "trimmed", [FEED_GAP_LOST] = "lost",
    [FEED_GAP_CRASHED] = "crashed", [FEED_GAP_REMOVED] = "removed", [FEED_GAP_DROPPED] = "dropped",
};

const char *feed_op_text(uint32_t op)
{
    return op >= FEED_PUT && op <= FEED_FLUSH ? op_names[op] : "unknown";
}

uint32_t feed_op_bit(struct bytes name)
{
    for (uint32_t op = FEED_PUT; op <= NAMED_OPS; op++) {
        if (bytes_equal(name, bytes_from_string(op_names[op]))) {
            return 1u << op;
        }
    }
    return 0;
}

static int refuse_op(struct bytes name, char why[FEED_OPS_WHY_BYTES])
{
    static const char *const names[] = {"put", "delete", "expire", "list", "read", NULL};
    char given[32];
    size_t len = name.len < sizeof(given) ? name.len : sizeof(given) - 1;
    for (size_t i = 0; i < len; i++) {
        given[i] = (char)(name.data[i] >= ' ' && name.data[i] < 0x7f ? name.data[i] : '?');
    }
    given[len] = 0;
    const char *nearest = text_nearest(given, names);
    if (len == 0) {
        (void)snprintf(why, FEED_OPS_WHY_BYTES,
                       "an op is missing: put, delete, expire, list, read, separated by commas");
    } else if (nearest != NULL) {
        (void)snprintf(why, FEED_OPS_WHY_BYTES, "there is no op \"%s\": did you mean %s?", given,
                       nearest);
    } else {
        (void)snprintf(why, FEED_OPS_WHY_BYTES,
                       "there is no op \"%s\": put, delete, expire, list and read are those",
                       given);
    }
    return SHOAL_EINVAL;
}

int feed_ops_parse(struct bytes text, uint32_t *ops, char why[FEED_OPS_WHY_BYTES])
{
    uint32_t found = 0;
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != ',') {
            continue;
        }
        struct bytes name = bytes_make(text.data + start, i - start);
        uint32_t bit = feed_op_bit(name);
        if (bit == 0) {
            return refuse_op(name, why);
        }
        found |= bit;
        start = i + 1;
    }
    *ops = found;
    return 0;
}

const char *feed_gap_text(uint32_t reason)
{
    return reason >= FEED_GAP_AWAY && reason <= FEED_GAP_DROPPED ? gap_names[reason] : "unknown";
}

void feed_gap_message(uint32_t reason, const char *node, uint64_t missed,
                      char out[FEED_GAP_MESSAGE_BYTES])
{
    static const char *const texts[] = {
        [FEED_GAP_AWAY] = "can't be reached: changes that it has coordinated and that are not here "
                          "yet follow when it is back",
        [FEED_GAP_TRIMMED] = "no longer keeps what came next: these changes are missed for good, "
                             "read the keys you follow",
        [FEED_GAP_LOST] = "has lost what it kept of the feed: changes are missed for good, read "
                          "the keys you follow",
        [FEED_GAP_CRASHED] = "ended without a clean stop: changes of its last moment may be in "
                             "effect and not in the feed",
        [FEED_GAP_REMOVED] = "is no member any more: nothing further comes from it",
        [FEED_GAP_DROPPED] = "saw more reads and lists than there was room for: some are not told",
    };
    const char *text = reason >= FEED_GAP_AWAY && reason <= FEED_GAP_DROPPED
                           ? texts[reason]
                           : "has a gap of a kind that this version doesn't know";
    int len = snprintf(out, FEED_GAP_MESSAGE_BYTES, "%.255s %s", node, text);
    if (missed > 0 && len > 0 && (size_t)len < FEED_GAP_MESSAGE_BYTES) {
        (void)snprintf(out + len, FEED_GAP_MESSAGE_BYTES - (size_t)len,
                       " (%" PRIu64 " event%s at least)", missed, missed == 1 ? "" : "s");
    }
}
