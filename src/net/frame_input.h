/* Cuts a stream of received bytes into frames and refuses what no frame may be, before anything of
 * it is decoded. A frame that is merely too large is passed over, since its length says where the
 * next one begins: the request gets its error and the connection goes on. Bytes that are no frame
 * at all end the connection. Pure: it sees bytes and says what they are. */
#ifndef NET_FRAME_INPUT_H
#define NET_FRAME_INPUT_H

#include "base/bytes.h"

struct frame_input {
    size_t len_max;      /* larger frames are refused, and passed over */
    size_t len_max_hard; /* larger ones end the connection; at least len_max */
    size_t skip;         /* bytes of a refused frame still to come */
};

struct frame {
    uint32_t kind;
    uint64_t id;          /* 0 when it couldn't be made out */
    struct bytes payload; /* validated; borrowed from the stream */
    size_t len;           /* as the prefix says */
};

enum frame_outcome {
    FRAME_READY = 0,
    FRAME_MORE = 1,    /* nothing whole is there; *need more than zero: so many bytes in all */
    FRAME_REFUSED = 2, /* over len_max, or over budget: answer frame->id; the stream goes on */
};

/* Looks at the front of the stream; `*taken` bytes are done with, whatever the outcome.
 * `over_budget` is the world's memory being short: what would have to be waited for and is larger
 * than FRAME_SMALL_BYTES is then refused too. Negative: SHOAL_ETOOBIG or SHOAL_EPROTO, the stream
 * is of no use any more; frame->id is set if it could be made out. */
int frame_input_next(struct frame_input *input, struct bytes stream, bool over_budget,
                     struct frame *frame, size_t *taken, size_t *need);

#define FRAME_SMALL_BYTES 65536u

#endif
