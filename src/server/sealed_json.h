/* JSON files that people may read and only Shoal writes: each has a "format" and ends with a
 * "checksum", the XXH3-64 of the other fields' compact text with sorted keys, in hex. Later
 * versions may add fields; a change that older ones must not overlook raises the format. */
#ifndef SERVER_SEALED_JSON_H
#define SERVER_SEALED_JSON_H

#include <jansson.h>

#include "base/buffer.h"

/* Appends the object's text under its checksum, which it adds to the object. NULL is taken for want
 * of memory. 0 or SHOAL_ENOMEM. */
int sealed_json_write(json_t *object, struct buffer *out);

/* 0 and the object (the caller's to decref); SHOAL_EPROTO: no such JSON, or damaged;
 * SHOAL_EVERSION: its format is newer than `format_max`; SHOAL_ENOMEM. */
int sealed_json_read(struct bytes text, json_int_t format_max, json_t **out);

/* Numbers of 64 bits, which JSON doesn't have, as 16 hex digits. NULL when there is no memory. */
json_t *sealed_json_of_hex(uint64_t number);
/* 0 or SHOAL_EPROTO; NULL is taken for a field that is missing. */
int sealed_json_hex(const json_t *value, uint64_t *out);

#endif
