/* A page that is shown on a terminal again and again in place, on the alternate screen, cut to the
 * window's size. The ordinary screen comes back with screen_leave. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The window's size; 0 where `file` is none. */
void screen_size(FILE *file, uint32_t *rows, uint32_t *columns);

/* How many bytes at the start of the line stand in so many columns, a column a character; all of
 * them where columns is 0. */
size_t screen_fit(const char *line, size_t len, uint32_t columns);

void screen_enter(FILE *out);
/* Puts the text in place of the page before. 0, or -1 when nobody reads it any more. */
int screen_paint(FILE *out, const char *text);
void screen_leave(FILE *out);

#endif
