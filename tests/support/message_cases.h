/* One table over all messages, so that what must hold for each (round trips, truncation, damage) is
 * tested for each and none is forgotten. */
#ifndef SUPPORT_MESSAGE_CASES_H
#define SUPPORT_MESSAGE_CASES_H

#include "base/random.h"
#include "wire/messages.h"

struct message_case {
    const char *name;
    uint32_t kind;
    /* Appends a frame with random content. */
    int (*encode_random)(struct random *random, struct arena *arena, struct buffer *out);
    /* Decodes, and on success appends the frame again; otherwise the decoder's code. */
    int (*recode)(struct bytes payload, struct arena *arena, struct buffer *out);
};

extern const struct message_case message_cases[];
extern const size_t message_case_count;

#endif
