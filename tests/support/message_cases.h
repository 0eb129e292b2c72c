/* One table over all messages, so that what must hold for each (round trips, truncation, damage) is
 * tested for each and none is forgotten. */
#ifndef SUPPORT_MESSAGE_CASES_H
#define SUPPORT_MESSAGE_CASES_H

#include "base/random.h"
#include "wire/messages.h"

#define NO_TRACE 0xc0 /* nil */
#define NO_NUMBER 0

struct message_case {
    const char *name;
    uint32_t kind;
    /* Appends a frame with random content. */
    int (*encode_random)(struct random *random, struct arena *arena, struct buffer *out);
    /* Decodes, and on success appends the frame again; otherwise the decoder's code. */
    int (*recode)(struct bytes payload, struct arena *arena, struct buffer *out);
    /* A last field that is left out where it says nothing: its position in the message, 0 when
     * there is none; and the byte that says nothing there when more is to follow. */
    uint32_t optional_at;
    uint8_t nothing;
};

extern const struct message_case message_cases[];
extern const size_t message_case_count;

#endif
