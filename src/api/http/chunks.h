/* The chunks of a body (RFC 9112, section 7.1), taken apart as they come: sizes, data, and
 * extensions and trailers, which are checked, bounded and passed over. Pure; the same data comes
 * out in whatever pieces the bytes come in. */
#ifndef API_HTTP_CHUNKS_H
#define API_HTTP_CHUNKS_H

#include "api/http/head.h"

/* In all of one body: who sends a chunk a byte must not be able to send ten times its extension. */
#define HTTP_EXTENSION_BYTES_MAX 4096u
#define HTTP_TRAILER_BYTES_MAX 8192u

/* Zero-initialised before each body. */
struct http_chunks {
    uint32_t state;
    uint32_t digits; /* of the size that is being read */
    uint64_t left;   /* of the chunk */
    uint32_t extension_bytes;
    uint32_t trailer_bytes;
};

enum http_chunks_outcome {
    HTTP_CHUNKS_MORE = 0, /* all was taken */
    HTTP_CHUNKS_DATA = 1, /* *data is a piece of the body, at the end of what was taken */
    HTTP_CHUNKS_DONE = 2, /* *taken is where the next request begins */
};

/* One of the outcomes, or SHOAL_EPROTO and a problem. */
int http_chunks_next(struct http_chunks *chunks, struct bytes bytes, size_t *taken,
                     struct bytes *data, struct http_problem *problem);

#endif
