/* Frames: a u32 big-endian length, then that many bytes of msgpack, one array:
 *
 *      [kind, id, field, field, ...]
 *
 * `kind` is one of enum message_kind; `id` matches an answer to its request and is chosen by the
 * requester, unique among its requests in flight on the connection. Fields may be added at the end
 * in later versions; a reader ignores those it does not know. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/buffer.h"

#define FRAME_PREFIX_BYTES 4u

/* Starts a frame in the buffer; the returned offset goes to frame_end, which fills in the length.
 * Negative codes as of buffer_append. frame_end fails (SHOAL_ETOOBIG) over LIMIT_FRAME_BYTES. */
int frame_begin(struct buffer *out, size_t *start);
int frame_end(struct buffer *out, size_t start);

/* Looks for a whole frame at the beginning of a stream: 0 and the payload (borrowed from stream)
 * with the bytes it took, prefix included; 1 when more bytes are needed (`*need`: how many in all,
 * at least 4); SHOAL_ETOOBIG when the length exceeds len_max; SHOAL_EPROTO when it is 0. */
int frame_next(struct bytes stream, size_t len_max, struct bytes *payload, size_t *taken,
               size_t *need);

/* Checks that a payload is exactly one well-formed msgpack value, an array of at least kind and id,
 * before anything is decoded: depth at most LIMIT_FRAME_DEPTH, every length within what is there,
 * and no more elements in all than bytes received, so a few bytes can't make a decoder allocate
 * much. Iterative; allocates nothing. 0 or SHOAL_EPROTO. */
int frame_validate(struct bytes payload);

/* Kind and id of a validated payload. 0 or SHOAL_EPROTO. */
int frame_peek(struct bytes payload, uint32_t *kind, uint64_t *id);

#endif
