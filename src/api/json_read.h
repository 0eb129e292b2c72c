/* Reading JSON (RFC 8259) where it stands, without building anything from it: a request's body is
 * checked whole, once, and then walked as far as somebody asks. So values come back byte for byte
 * as they were sent (a number of forty digits, 1.0 as 1.0, members in their order), and no body
 * makes the node hold more than the body, which a tree of it would many times over: that is why
 * this is not jansson, which reads the configuration. Pure. */
#ifndef API_JSON_READ_H
#define API_JSON_READ_H

#include "base/arena.h"
#include "base/bytes.h"

#define JSON_DEPTH_MAX 512u      /* of a value's arrays and objects in each other */
#define JSON_DEPTH_AROUND_MAX 8u /* ... and of what stands around values */

struct json_fault {
    const char *what; /* "a ',' or '}' is missing" */
    size_t line;      /* from 1 */
    size_t column;    /* in bytes, from 1 */
};

/* One value with nothing but blanks around it: 0 and the value without them; SHOAL_EINVAL and what
 * is wrong with it (`fault` may be NULL). Strings are UTF-8; names in objects may come twice. */
int json_check(struct bytes text, struct bytes *value, struct json_fault *fault);
/* As json_check, of something that has values `around` levels within it (JSON_DEPTH_AROUND_MAX at
 * most): it may be so much deeper. */
int json_check_around(struct bytes text, uint32_t around, struct bytes *value,
                      struct json_fault *fault);

enum json_kind {
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

/* ---- of values that json_check has passed, and parts of them ---- */

enum json_kind json_kind(struct bytes value);

struct json_walk {
    struct bytes rest;
};

struct json_member {
    struct bytes name; /* of an array's: empty */
    struct bytes value;
};

/* Of an object or an array. */
struct json_walk json_walk(struct bytes value);

/* True and the next of them; false at the end. Names are strings with their quotes. */
bool json_next(struct json_walk *walk, struct json_member *out);

/* What a string stands for: borrowed from it where nothing is escaped, else in the arena. 0;
 * SHOAL_EINVAL: half of a surrogate pair, which no text has; SHOAL_ENOMEM. */
int json_unescape(struct arena *arena, struct bytes string, struct bytes *out);

#endif
