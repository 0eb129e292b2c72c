/* Where things stand in a JSON text, which the parser doesn't tell: the line of a key at the top
 * level or one below. */
#ifndef SERVER_JSON_LINES_H
#define SERVER_JSON_LINES_H

#include "base/bytes.h"

/* Lines count from 1. `section` is "" for a key at the top level. 0 when it isn't found (or is
 * spelt with escapes). The text is valid JSON. */
uint32_t json_line_of(struct bytes text, const char *section, const char *name);

#endif
