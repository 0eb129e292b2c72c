/* The node's log: one line an event, in text for people or JSON for machines, with fields rather
 * than sentences stuffed with numbers. Thread-safe; the sink writes whole lines. The deciding code
 * logs through it too: logging decides nothing.
 *
 *      log_info("layout: adopted", LOG_U64("version", 3), LOG_TEXT("hash", "ab12"));
 *      2026-11-21T10:00:00.123Z info  layout: adopted version=3 hash=ab12
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
    LOG_KIND_HEX64
};

struct log_field {
    enum log_kind kind;
    const char *name;
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

typedef void (*log_sink)(void *self, enum log_level level, struct bytes line);

/* Level, format and destination (a NULL sink is standard error). `node` names the node in JSON and
 * is borrowed for as long as logging goes on; NULL is none. May be called again at any time. */
void log_configure(enum log_level level, enum log_format format, const char *node, log_sink sink,
                   void *self);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* The fields end with one of kind LOG_KIND_END. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

/* "debug", "info", "warning", "error": 0, or SHOAL_EINVAL for another text. */
int log_level_parse(const char *text, enum log_level *level);

#define LOG_FIELDS(...)                                                                            \
    ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){LOG_KIND_END, 0, 0, {0, 0}}})
#define log_at(level_, message_, ...)                                                              \
    (log_enabled(level_) ? log_write((level_), (message_), LOG_FIELDS(__VA_ARGS__)) : (void)0)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

#endif
