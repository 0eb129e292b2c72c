/* The options of SET and GETEX, in any order: what they ask for, whether that needs the old value,
 * whether it reads and writes in one step. Pure, for the three who ask (the table's `looks` and
 * `linear`, and the commands themselves) must agree. */
#ifndef API_REDIS_STRING_OPTIONS_H
#define API_REDIS_STRING_OPTIONS_H

#include "base/bytes.h"

struct redis_call;

enum string_expiry {
    EXPIRY_NONE, /* SET: there is none afterwards; GETEX: as it was */
    EXPIRY_KEEP, /* KEEPTTL */
    EXPIRY_DROP, /* PERSIST */
    EXPIRY_EX,
    EXPIRY_PX,
    EXPIRY_EXAT,
    EXPIRY_PXAT,
};

struct string_options {
    bool nx, xx, get;
    enum string_expiry expiry;
    struct bytes time; /* the argument of EX, PX, EXAT, PXAT: borrowed */
};

/* False: a syntax error. */
bool string_options_of_set(const struct bytes *argv, uint32_t argc, struct string_options *out);
bool string_options_of_getex(const struct bytes *argv, uint32_t argc, struct string_options *out);

/* Wall time, 0 where no time is given. Unlike EXPIRE's it must lie ahead of now, or of 1970 if it
 * is absolute. False: it doesn't, or is no integer, and replied. */
bool string_options_expiry(struct redis_call *call, const struct string_options *options,
                           uint64_t *expiry_ms);

/* For the table (command.h). */
bool set_looks(const struct bytes *argv, uint32_t argc);
const char *set_linear(const struct bytes *argv, uint32_t argc);
const char *getex_linear(const struct bytes *argv, uint32_t argc);

#endif
