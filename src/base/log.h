/* The node's log: one line an event, in text for people or JSON for machines, with fields rather
 * than sentences stuffed with numbers. Thread-safe; the sink receives whole lines. The deciding
 * code logs through it too: logging decides nothing. There is one log a process, because it ends in
 * the process's one standard error.
 *
 *      log_info("layout: adopted", LOG_U64("version", 3), LOG_TEXT("hash", "ab12"));
 *      2026-11-21T10:00:00.123Z info    layout: adopted version=3 hash=ab12
 *      {"time":"2026-11-21T10:00:00.123Z","level":"info","node":"n1","message":"layout: adopted",
 *       "version":3,"hash":"ab12"}      (in one line)
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_kind {
    LOG_KIND_END,
    LOG_KIND_TEXT,
    LOG_KIND_BYTES,
    LOG_KIND_U64,
    LOG_KIND_I64,
    LOG_KIND_HEX64,
};

struct log_field {
    enum log_kind kind;
    const char *name; /* lower-case letters, digits and _; a literal */
    uint64_t number;
    struct bytes bytes; /* text and bytes; what isn't UTF-8 or is a control character is escaped */
};

#define LOG_TEXT(name_, text_)                                                                     \
    ((struct log_field){.kind = LOG_KIND_TEXT, .name = (name_), .bytes = bytes_from_string(text_)})
#define LOG_BYTES(name_, bytes_)                                                                   \
    ((struct log_field){.kind = LOG_KIND_BYTES, .name = (name_), .bytes = (bytes_)})
#define LOG_U64(name_, number_)                                                                    \
    ((struct log_field){.kind = LOG_KIND_U64, .name = (name_), .number = (uint64_t)(number_)})
#define LOG_I64(name_, number_)                                                                    \
    ((struct log_field){                                                                           \
        .kind = LOG_KIND_I64, .name = (name_), .number = (uint64_t)(int64_t)(number_)})
#define LOG_HEX(name_, number_)                                                                    \
    ((struct log_field){.kind = LOG_KIND_HEX64, .name = (name_), .number = (uint64_t)(number_)})
#define LOG_END ((struct log_field){.kind = LOG_KIND_END})

/* No line is longer, its newline included: a pipe takes that much in one piece (PIPE_BUF), so lines
 * of several processes don't mix. A longer text is cut and ends in "..."; fields for which there is
 * no room at all are left out, and a last field, truncated=true, says so. */
#define LOG_LINE_BYTES 4096u

/* Receives a line with its newline, borrowed for the call, on the thread that logs; several threads
 * may be in it at once. It must not call log_configure. */
typedef void (*log_sink)(void *self, enum log_level level, struct bytes line);

/* Level, format and destination (a NULL sink is standard error). `node` names the node in JSON and
 * is borrowed for as long as logging goes on; NULL is none. May be called again at any time: when
 * it returns, no thread is in the former sink any more. Before the first call: info and worse, as
 * text, to standard error. */
void log_configure(enum log_level level, enum log_format format, const char *node, log_sink sink,
                   void *self);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* The time of lines, in microseconds since 1970; the simulator gives its own. NULL brings back the
 * system's clock. The terms of log_sink hold. */
typedef uint64_t (*log_clock)(void *self);
void log_set_clock(log_clock clock, void *self);

/* The fields end with LOG_END. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

/* "debug", "info", "warning", "error": 0, or SHOAL_EINVAL for another text. */
int log_level_parse(const char *text, enum log_level *level);

/* "debug", "info", "warning" or "error". */
const char *log_level_name(enum log_level level);

/* log_info(message, fields...): fields are evaluated only when the level is enabled. */
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__, LOG_END)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__, LOG_END)
#define log_warning(...) LOG_AT(LOG_WARNING, __VA_ARGS__, LOG_END)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__, LOG_END)
#define log_at(level_, ...) LOG_AT(level_, __VA_ARGS__, LOG_END)
#define LOG_AT(level_, message_, ...)                                                              \
    (log_enabled(level_)                                                                           \
         ? log_write((level_), (message_), (const struct log_field[]){__VA_ARGS__})                \
         : (void)0)

#endif
