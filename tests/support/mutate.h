/* Damage as fuzzers do it: small random changes to valid bytes, which reach deeper into a decoder
 * than random bytes do. */
#ifndef SUPPORT_MUTATE_H
#define SUPPORT_MUTATE_H

#include "base/buffer.h"
#include "base/random.h"

/* One change: a bit flipped, a byte set, bytes inserted, removed, repeated or overwritten with what
 * hostile encoders write (huge lengths and counts), or the end cut off. */
void mutate(struct random *random, struct buffer *buffer);

#endif
