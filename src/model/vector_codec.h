/* How a version vector stands in records and tokens: varint entries, each u64 little-endian actor
 * and varint counter. One encoding for one vector: shortest varints, actors strictly ascending. */
#ifndef MODEL_VECTOR_CODEC_H
#define MODEL_VECTOR_CODEC_H

#include "base/arena.h"
#include "base/bytes.h"
#include "model/dot.h"

/* The exact size in bytes. */
size_t version_vector_encoded_size(struct version_vector vector);

/* Needs room for that size; returns the byte behind the last. */
uint8_t *version_vector_store(uint8_t *at, struct version_vector vector);

/* Reads a vector from *at, which is moved behind it; the entries are in the arena. 0, SHOAL_EPROTO
 * for anything cut off, not canonical, not valid or over LIMIT_CONTEXT_ENTRIES, SHOAL_ENOMEM. */
int version_vector_load(struct arena *arena, const uint8_t **at, const uint8_t *end,
                        struct version_vector *out);

#endif
