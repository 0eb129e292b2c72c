/* One line of the log, put together in fixed memory, so that logging allocates nothing and works
 * when memory is out. Whatever the fields hold, the line is valid UTF-8, has one newline, at its
 * end, and no control characters, and a JSON line is a JSON object. */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include "base/log.h"

struct log_line {
    size_t len;
    size_t len_max; /* what may be used now; less than the whole, to leave room for the end */
    bool full;      /* something did not fit */
    uint8_t data[LOG_LINE_BYTES];
};

struct log_head {
    uint64_t time_us; /* since 1970 */
    const char *level;
    const char *node; /* or NULL */
    const char *message;
};

/* The fields end with LOG_END. */
void log_line_text(struct log_line *line, const struct log_head *head,
                   const struct log_field *fields);
void log_line_json(struct log_line *line, const struct log_head *head,
                   const struct log_field *fields);

#endif
