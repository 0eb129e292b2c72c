/* Progress on a screen or in lines; see progress.h. */
#include "cli/progress.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli/screen.h"

#define SCREEN_PAUSE_US (UINT64_C(200) * 1000)
#define LINES_PAUSE_US (UINT64_C(5) * 1000 * 1000)
#define LINES_SAME_PAUSE_US (UINT64_C(60) * 1000 * 1000)
#define BAR_CELLS 30u

uint64_t progress_now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t pause_us(const struct progress *progress)
{
    return progress->terminal->err_is_screen ? SCREEN_PAUSE_US : LINES_PAUSE_US;
}

void progress_begin(struct progress *progress, struct terminal *terminal, const char *what,
                    uint64_t total)
{
    *progress = (struct progress){
        .terminal = terminal,
        .what = what,
        .total = total,
        .started_us = progress_now_us(),
    };
    progress->next_us = progress->started_us + pause_us(progress);
}

bool progress_due(const struct progress *progress)
{
    return !progress->terminal->json && progress_now_us() >= progress->next_us;
}

#define LINE_BYTES 1024u

static void make_bar(const struct progress *progress, uint64_t position, char bar[BAR_CELLS + 4])
{
    uint64_t cells = position >= progress->total
                         ? BAR_CELLS
                         : (uint64_t)((double)position / (double)progress->total * BAR_CELLS);
    bar[0] = '[';
    for (uint64_t i = 0; i < BAR_CELLS; i++) {
        bar[i + 1] = i < cells ? '#' : '.';
    }
    memcpy(bar + BAR_CELLS + 1, "] ", sizeof("] "));
}

/* One row at most: a longer line could not be wiped. */
static void draw(struct progress *progress, uint64_t position, const char *text)
{
    FILE *err = progress->terminal->err;
    char bar[BAR_CELLS + 4] = "";
    if (progress->total > 0) {
        make_bar(progress, position, bar);
    }
    char line[LINE_BYTES];
    (void)snprintf(line, sizeof(line), "%s%s %s", bar, progress->what, text);
    uint32_t rows;
    uint32_t columns;
    screen_size(err, &rows, &columns);
    size_t len = screen_fit(line, strlen(line), columns > 1 ? columns - 1 : columns);
    (void)fprintf(err, "\r\033[K%.*s", (int)len, line);
    (void)fflush(err);
    progress->drawn = true;
}

/* A line that says what the last one said is a sign of life, no more: once a minute. */
static void tell_line(struct progress *progress, const char *text)
{
    char line[PROGRESS_TOLD_BYTES];
    (void)snprintf(line, sizeof(line), "%.*s", (int)sizeof(line) - 1, text);
    if (strcmp(line, progress->told) == 0 &&
        progress_now_us() - progress->told_us < LINES_SAME_PAUSE_US) {
        return;
    }
    (void)fprintf(progress->terminal->err, "%s %s\n", progress->what, text);
    memcpy(progress->told, line, sizeof(line));
    progress->told_us = progress_now_us();
}

void progress_show(struct progress *progress, uint64_t position, const char *text)
{
    if (!progress_due(progress)) {
        return;
    }
    progress->next_us = progress_now_us() + pause_us(progress);
    if (progress->terminal->err_is_screen) {
        draw(progress, position, text);
    } else {
        tell_line(progress, text);
    }
}

void progress_remark(struct progress *progress, const char *form, ...)
{
    if (progress->terminal->json) {
        return;
    }
    progress_end(progress);
    va_list arguments;
    va_start(arguments, form);
    (void)vfprintf(progress->terminal->err, form, arguments);
    va_end(arguments);
    (void)fputc('\n', progress->terminal->err);
    if (progress->terminal->err_is_screen) {
        progress->next_us = 0; /* the bar comes back at once */
    }
}

void progress_end(struct progress *progress)
{
    if (progress->drawn) {
        (void)fprintf(progress->terminal->err, "\r\033[K");
        (void)fflush(progress->terminal->err);
        progress->drawn = false;
    }
}

double progress_seconds(const struct progress *progress)
{
    return (double)(progress_now_us() - progress->started_us) / 1e6;
}
