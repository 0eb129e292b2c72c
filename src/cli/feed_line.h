/* An event of the live feed as a line: for people, or as JSON in the shape that /wal has
 * (docs/feed.md).
 */
#ifndef CLI_FEED_LINE_H
#define CLI_FEED_LINE_H

#include <jansson.h>
#include <stdio.h>

#include "shoal/watch.h"

/* One line. What could disturb a terminal is escaped, and what is long is cut. */
void feed_line_print(FILE *out, const struct shoal_event *event);

/* The caller's; NULL when there is no memory. */
json_t *feed_line_json(const struct shoal_event *event);

#endif
