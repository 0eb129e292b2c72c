/* How many partitions a list walks at once. One at first, for a short page often comes out of a
 * single partition, and what others are asked for beyond it is thrown away. Then one more with
 * every answer taken that has not filled the page, which doubles the window every round trip, as
 * TCP's slow start does; but no more than the last answer says are still needed. A prefix that few
 * partitions have anything of is walked as widely as ever after four round trips. */
#ifndef COORDINATE_LIST_WINDOW_H
#define COORDINATE_LIST_WINDOW_H

#include <stdint.h>

#define LIST_WINDOW_MIN 1u
#define LIST_WINDOW_MAX 16u

struct list_amount {
    uint64_t keys;
    uint64_t bytes;
};

/* The window after an answer that gave so much, when the page may still take what is left. */
uint32_t list_window_after(uint32_t window, struct list_amount given, struct list_amount left);

#endif
