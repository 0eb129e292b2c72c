/* The messages that are no more than their kind and id: PING, PONG, STATUS and RING.
 *
 *      [kind, id]
 *
 * Receivers need no decoder: frame_peek tells all there is. */
#include "wire/codec.h"

static int encode_bare(enum message_kind kind, uint64_t id, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, kind, id, 0);
    return encoder_end(&encoder);
}

int message_ping_encode(uint64_t id, struct buffer *out)
{
    return encode_bare(MESSAGE_PING, id, out);
}

int message_pong_encode(uint64_t id, struct buffer *out)
{
    return encode_bare(MESSAGE_PONG, id, out);
}

int message_status_encode(uint64_t id, struct buffer *out)
{
    return encode_bare(MESSAGE_STATUS, id, out);
}

int message_ring_encode(uint64_t id, struct buffer *out)
{
    return encode_bare(MESSAGE_RING, id, out);
}
