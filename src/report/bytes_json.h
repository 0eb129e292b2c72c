/* Bytes in JSON, which knows only text: what isn't UTF-8 is base64 under another name, never
 * mangled. */
#ifndef REPORT_BYTES_JSON_H
#define REPORT_BYTES_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "shoal/client.h"

/* Sets `name` in the object to the bytes: as a string when they are UTF-8, otherwise as base64
 * under NAME_base64; none is null. False when there is no memory. */
bool json_set_bytes(json_t *object, const char *name, struct shoal_bytes bytes);

/* As base64url, as contexts and cursors are shown. */
bool json_set_token(json_t *object, const char *name, struct shoal_bytes token);

#endif
