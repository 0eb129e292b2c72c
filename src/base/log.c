/* Levels, destination and the standard sink of the log; lines are put together in log_line.c.
 *
 * The level is one atomic, so a disabled log_debug costs a load. Everything else that log_configure
 * sets is read under a reader's lock that is held until the sink returns: threads format and write
 * side by side, and a reconfiguration waits for those that still use what it replaces. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log_line.h"
#include "shoal/error.h"

struct destination {
    enum log_format format;
    const char *node;
    log_sink sink;
    void *sink_self;
    log_clock clock;
    void *clock_self;
};

static _Atomic int level_min = LOG_INFO;
static pthread_rwlock_t destination_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct destination destination;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_min, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed);
}

void log_configure(enum log_level level, enum log_format format, const char *node, log_sink sink,
                   void *self)
{
    log_set_level(level);
    pthread_rwlock_wrlock(&destination_lock);
    destination.format = format;
    destination.node = node;
    destination.sink = sink;
    destination.sink_self = self;
    pthread_rwlock_unlock(&destination_lock);
}

void log_set_clock(log_clock clock, void *self)
{
    pthread_rwlock_wrlock(&destination_lock);
    destination.clock = clock;
    destination.clock_self = self;
    pthread_rwlock_unlock(&destination_lock);
}

/* One write for the whole line; what a signal or a full pipe cut off follows. A standard error that
 * takes no more loses lines: nothing waits for the log. */
static void write_to_stderr(struct bytes line)
{
    while (line.len > 0) {
        ssize_t written = write(STDERR_FILENO, line.data, line.len);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return;
        }
        line = bytes_make(line.data + written, line.len - (size_t)written);
    }
}

static uint64_t now_us(const struct destination *to)
{
    if (to->clock != NULL) {
        return to->clock(to->clock_self);
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    int errno_before = errno;
    struct log_line line;
    pthread_rwlock_rdlock(&destination_lock);
    struct log_head head = {
        .time_us = now_us(&destination),
        .level = log_level_name(level),
        .node = destination.node,
        .message = message,
    };
    if (destination.format == LOG_FORMAT_JSON) {
        log_line_json(&line, &head, fields);
    } else {
        log_line_text(&line, &head, fields);
    }
    struct bytes bytes = bytes_make(line.data, line.len);
    if (destination.sink != NULL) {
        destination.sink(destination.sink_self, level, bytes);
    } else {
        write_to_stderr(bytes);
    }
    pthread_rwlock_unlock(&destination_lock);
    errno = errno_before;
}

int log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return SHOAL_EINVAL;
}

const char *log_level_name(enum log_level level)
{
    ASSERT((size_t)level < sizeof(level_names) / sizeof(level_names[0]));
    return level_names[level];
}
