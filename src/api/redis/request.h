/* Reading RESP requests: arrays of bulk strings, and inline commands as typed into telnet. Pure:
 * bytes in, one command out; arguments lie where they were received.
 *
 *      *2 CRLF $3 CRLF GET CRLF $1 CRLF k CRLF        GET k CRLF        SET k "two words" CRLF
 *
 * Hostile input is refused with the texts of Redis 7 ("Protocol error: invalid bulk length"), after
 * which nothing more can be read from the connection. */
#ifndef API_REDIS_REQUEST_H
#define API_REDIS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

#define REDIS_INLINE_BYTES_MAX 65536u /* as Redis: also of a line with a number in it */
#define REDIS_ARGUMENTS_MAX (1024u * 1024u)
#define REDIS_ERROR_BYTES 128u

struct redis_request_bounds {
    uint64_t bulk_bytes; /* of one argument */
    uint64_t bytes;      /* of a whole request */
    uint32_t arguments;
};

struct redis_request {
    const struct bytes *argv; /* in the arena; the bytes where they were received, but for
                                 those of an inline command, which are in the arena */
    uint32_t argc;            /* 0: an empty line or array, to be passed over */
    bool copied;              /* inline: the bytes are in the arena */
    size_t length;            /* bytes taken */
};

/* What a parser remembers of a request that isn't whole, so that it isn't parsed anew with every
 * piece that arrives. Zero-initialised; reset by every outcome but 1. */
struct redis_request_progress {
    size_t scanned;     /* bytes known to be no whole request */
    uint32_t arguments; /* of which so many are whole */
};

/* 0 and the request; 1: not whole yet, *need being how many bytes it takes at least (0: not known);
 * SHOAL_EPROTO and Redis's text, without the code word; SHOAL_ENOMEM. */
int redis_request_read(struct bytes input, const struct redis_request_bounds *bounds,
                       struct redis_request_progress *progress, struct arena *arena,
                       struct redis_request *out, size_t *need, char text[REDIS_ERROR_BYTES]);

#endif
