/* By the sequences of xterm that all terminals of today understand. Lines are wiped behind their
 * text and not before it, so nothing flickers. */
#include "cli/screen.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

void screen_size(FILE *file, uint32_t *rows, uint32_t *columns)
{
    struct winsize size = {0};
    int fd = fileno(file);
    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) != 0) {
        size = (struct winsize){0};
    }
    *rows = size.ws_row;
    *columns = size.ws_col;
}

size_t screen_fit(const char *line, size_t len, uint32_t columns)
{
    size_t at = 0;
    for (uint32_t used = 0; at < len && (columns == 0 || used < columns); used++) {
        size_t step = text_utf8_length(bytes_make(line + at, len - at));
        at += step == 0 ? 1 : step;
    }
    return at;
}

void screen_enter(FILE *out)
{
    (void)fputs("\033[?1049h\033[?25l", out);
}

int screen_paint(FILE *out, const char *text)
{
    uint32_t rows;
    uint32_t columns;
    screen_size(out, &rows, &columns);
    (void)fputs("\033[H", out);
    const char *at = text;
    for (uint32_t row = 0; *at != '\0' && (rows == 0 || row < rows); row++) {
        size_t len = strcspn(at, "\n");
        (void)fprintf(out, "%s%.*s\033[K", row == 0 ? "" : "\r\n",
                      (int)screen_fit(at, len, columns), at);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
    (void)fputs("\033[J", out);
    return fflush(out) == 0 ? 0 : -1;
}

void screen_leave(FILE *out)
{
    (void)fputs("\033[?25h\033[?1049l", out);
    (void)fflush(out);
}
