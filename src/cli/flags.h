/* The table of all flags: their names, what they take, the field of the invocation they set. */
#ifndef CLI_FLAGS_H
#define CLI_FLAGS_H

#include <stddef.h>

#include "cli/invocation.h"

enum flag_kind {
    FLAG_SWITCH,   /* bool */
    FLAG_TEXT,     /* const char * */
    FLAG_NUMBER,   /* uint64_t, within [min, max] */
    FLAG_DURATION, /* uint64_t, microseconds; a bare number is in units of `unit_us` */
    FLAG_QUORUM,   /* int32_t */
};

struct flag {
    const char *name;
    char letter; /* or 0 */
    enum flag_kind kind;
    enum flag_group group;
    size_t offset; /* in struct invocation */
    uint64_t min;
    uint64_t max;
    uint64_t unit_us;
    const char *argument; /* its name in the help; NULL for a switch */
    const char *help;
};

extern const struct flag flags[];
extern const size_t flag_count;

/* Sets the field: 0, or SHOAL_EINVAL with the reason in `why`. */
int flag_set(const struct flag *flag, const char *text, struct invocation *invocation,
             char why[INVOCATION_WHY_BYTES]);

#endif
