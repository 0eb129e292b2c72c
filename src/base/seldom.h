/* Lines that may come by the thousand: so many in a while are written, the others counted, and the
 * next one that is written says how many were left out. */
#ifndef BASE_SELDOM_H
#define BASE_SELDOM_H

#include <stdbool.h>
#include <stdint.h>

#define SELDOM_LINES 10u
#define SELDOM_WHILE_US UINT64_C(10000000)

struct seldom {
    uint64_t since_us; /* the present while */
    uint32_t written;  /* in it */
    uint64_t left_out; /* since the last line */
};

/* May one be written now? Then *left_out are told with it. */
static inline bool seldom_may(struct seldom *seldom, uint64_t now_us, uint64_t *left_out)
{
    if (now_us - seldom->since_us >= SELDOM_WHILE_US) {
        seldom->since_us = now_us;
        seldom->written = 0;
    }
    if (seldom->written >= SELDOM_LINES) {
        seldom->left_out++;
        return false;
    }
    seldom->written++;
    *left_out = seldom->left_out;
    seldom->left_out = 0;
    return true;
}

#endif
