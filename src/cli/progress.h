/* How far long work has got: a bar that is redrawn on a screen, now and then a plain line
 * elsewhere, nothing under --json. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/terminal.h"

#define PROGRESS_TOLD_BYTES 128u

struct progress {
    struct terminal *terminal;
    const char *what; /* "loaded" */
    uint64_t total;   /* 0: not known */
    uint64_t started_us;
    uint64_t next_us;
    bool drawn;
    uint64_t told_us;               /* the last line, where there is no screen, ... */
    char told[PROGRESS_TOLD_BYTES]; /* ... and its beginning */
};

uint64_t progress_now_us(void);

void progress_begin(struct progress *progress, struct terminal *terminal, const char *what,
                    uint64_t total);

/* `position` of the total; `text` says it in words. Cheap to call often. */
void progress_show(struct progress *progress, uint64_t position, const char *text);

/* Whether progress_show would draw something now: for texts that cost something. */
bool progress_due(const struct progress *progress);

/* A line that stays, above the bar. */
__attribute__((format(printf, 2, 3))) void progress_remark(struct progress *progress,
                                                           const char *form, ...);

/* Wipes the bar. */
void progress_end(struct progress *progress);

/* Seconds since it began. */
double progress_seconds(const struct progress *progress);

#endif
