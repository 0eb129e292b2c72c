/* What crosses from one worker of a node to another: a link for the channel, what kind of letter it
 * is, and who sent it. Letters embed this first; their kinds are the business of `node`. */
#ifndef BASE_LETTER_H
#define BASE_LETTER_H

#include "base/channel.h"

#include <stdint.h>

struct letter {
    struct channel_link link;
    uint32_t kind;
    uint32_t from; /* worker index */
};

#endif
