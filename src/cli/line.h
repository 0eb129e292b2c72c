/* Lines of a file, one after the other, none longer than a bound: a file that isn't what somebody
 * took it for may be a single endless line, which must not be taken into memory to find that out.
 */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include <stdio.h>

#include "base/buffer.h"

/* Not an error: there is no further line. */
#define LINE_END 1

/* Reads the next line into the buffer, whose bound is the longest it may be, without its newline.
 * 0, LINE_END, SHOAL_ETOOBIG, SHOAL_ENOMEM, or SHOAL_EIO with errno. */
int line_read(FILE *file, struct buffer *line);

#endif
