/* Judged by the last answer alone: an average over all of them would go on being small after the
 * partitions that had much, and walk the empty ones behind them one by one. See list_window.h. */
#include "coordinate/list_window.h"

/* How many answers as the last one it takes to fill what is left. */
static uint64_t list_window_needed(uint64_t left, uint64_t given)
{
    return given == 0 ? LIST_WINDOW_MAX : left / given + (left % given != 0 ? 1 : 0);
}

uint32_t list_window_after(uint32_t window, struct list_amount given, struct list_amount left)
{
    uint64_t keys = list_window_needed(left.keys, given.keys);
    uint64_t bytes = list_window_needed(left.bytes, given.bytes);
    uint64_t needed = keys < bytes ? keys : bytes;
    uint64_t wider = window < LIST_WINDOW_MAX ? window + 1u : LIST_WINDOW_MAX;
    if (needed < LIST_WINDOW_MIN) {
        return LIST_WINDOW_MIN;
    }
    return (uint32_t)(needed < wider ? needed : wider);
}
