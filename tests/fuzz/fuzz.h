/* A fuzz target: bytes from outside go in, and whatever they are, nothing breaks. Each target is
 * built twice: for libFuzzer (meson option `fuzzers`), which searches, and with driver.c, which
 * runs a fixed number of seeded inputs as an ordinary test or replays the files it is given. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/random.h"

/* The name and type that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Appends a valid input, for the driver to damage. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out);

#endif
