/* Writing RESP: the replies of Redis's protocol, version 2 or 3 as the connection has chosen
 * (redis.io/docs/reference/protocol-spec). What RESP2 lacks is written as Redis 7 writes it there:
 * a map as a flat array, a double as a bulk string, null as a null bulk.
 *
 * A writer never fails visibly: when memory runs out `failed` is set, and whoever sends must close
 * the connection, for a reply would be missing. */
#ifndef API_REDIS_REPLY_H
#define API_REDIS_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct reply {
    struct buffer *out; /* borrowed */
    bool resp3;
    bool failed;    /* not all of it is there: no memory, or ... */
    bool too_long;  /* ... it would have led beyond the bound */
    size_t len_max; /* of `out`; 0: none */
};

void reply_simple(struct reply *reply, const char *text); /* +OK */
/* -text; with its code word first: "ERR syntax error". Line ends in it become spaces. */
void reply_error(struct reply *reply, const char *text);
void reply_error_format(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reply_integer(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, struct bytes bytes);
void reply_bulk_text(struct reply *reply, const char *text);
void reply_bulk_integer(struct reply *reply, int64_t value); /* as a bulk string */
void reply_null(struct reply *reply);                        /* $-1 or _ */
void reply_null_array(struct reply *reply);                  /* *-1 or _ */
void reply_array(struct reply *reply, uint32_t count);       /* then so many replies */
void reply_map(struct reply *reply, uint32_t pairs);         /* then so many pairs of replies */
void reply_set(struct reply *reply, uint32_t count);
void reply_bool(struct reply *reply, bool value); /* :1 or #t */
void reply_double(struct reply *reply, double value);
/* A text with a format of three letters ("txt"): RESP2 has it as a bulk string. */
void reply_verbatim(struct reply *reply, const char *format, struct bytes text);

#endif
