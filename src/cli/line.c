/* Byte by byte from the stream's own buffer, as whole blocks would be waited for: what comes slowly
 * through a pipe is handed on line by line. */
#include "cli/line.h"

#include "shoal/error.h"

int line_read(FILE *file, struct buffer *line)
{
    buffer_clear(line);
    int byte;
    while ((byte = getc_unlocked(file)) != EOF && byte != '\n') {
        int error = buffer_append_u8(line, (uint8_t)byte);
        if (error != 0) {
            return error;
        }
    }
    if (byte == EOF && ferror(file) != 0) {
        return SHOAL_EIO;
    }
    return byte == EOF && line->len == 0 ? LINE_END : 0;
}
