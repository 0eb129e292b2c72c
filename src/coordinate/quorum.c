/* Resolving "quorum" and "all", and refusing what can't be met. See quorum.h. */
#include "coordinate/quorum.h"

#include "shoal/error.h"

#include <stdio.h>

static int quorum_number(const char *name, int32_t asked, uint32_t fallback, uint32_t n,
                         uint32_t *out, char why[128])
{
    if (asked == QUORUM_DEFAULT) {
        /* A request that lowers n lowers what the defaults can mean. */
        *out = fallback < n ? fallback : n;
        return 0;
    }
    if (asked == QUORUM_MAJORITY) {
        *out = n / 2 + 1;
        return 0;
    }
    if (asked == QUORUM_ALL) {
        *out = n;
        return 0;
    }
    if (asked < 0) {
        (void)snprintf(why, 128, "%s=%d is not a number of owners", name, (int)asked);
        return SHOAL_EINVAL;
    }
    if ((uint32_t)asked > n) {
        (void)snprintf(why, 128, "%s=%d is larger than n=%u", name, (int)asked, (unsigned)n);
        return SHOAL_EINVAL;
    }
    *out = (uint32_t)asked;
    return 0;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

int quorum_resolve(const struct cluster_facts *facts, const struct request_options *options,
                   struct quorum *out, char why[128])
{
    struct quorum q = {0};
    uint32_t pr = 0;
    uint32_t pw = 0;
    int result = quorum_number("n", options->n, facts->n, facts->n, &q.n, why);
    if (result == 0) {
        result = quorum_number("r", options->r, facts->r, q.n, &q.r, why);
    }
    if (result == 0) {
        result = quorum_number("w", options->w, facts->w, q.n, &q.w, why);
    }
    if (result == 0) {
        result = quorum_number("pr", options->pr, 0, q.n, &pr, why);
    }
    if (result == 0) {
        result = quorum_number("pw", options->pw, 0, q.n, &pw, why);
    }
    if (result == 0) {
        result = quorum_number("dw", options->dw, 0, q.n, &q.dw, why);
    }
    if (result < 0) {
        return result;
    }
    q.r = larger(q.r, pr);
    q.pw = larger(pw, q.dw);
    q.w = larger(q.w, q.pw);
    *out = q;
    return 0;
}
