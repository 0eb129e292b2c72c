/* Progress on a screen or in lines; see progress.h. */
#include "cli/progress.h"

#include <time.h>

#define SCREEN_PAUSE_US (UINT64_C(200) * 1000)
#define LINES_PAUSE_US (UINT64_C(5) * 1000 * 1000)
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

static void draw_bar(const struct progress *progress, uint64_t position)
{
    uint64_t cells = position >= progress->total
                         ? BAR_CELLS
                         : (uint64_t)((double)position / (double)progress->total * BAR_CELLS);
    char bar[BAR_CELLS + 1];
    for (uint64_t i = 0; i < BAR_CELLS; i++) {
        bar[i] = i < cells ? '#' : '.';
    }
    bar[BAR_CELLS] = '\0';
    (void)fprintf(progress->terminal->err, "[%s] ", bar);
}

void progress_show(struct progress *progress, uint64_t position, const char *text)
{
    if (!progress_due(progress)) {
        return;
    }
    progress->next_us = progress_now_us() + pause_us(progress);
    if (!progress->terminal->err_is_screen) {
        (void)fprintf(progress->terminal->err, "%s %s\n", progress->what, text);
        return;
    }
    (void)fprintf(progress->terminal->err, "\r\033[K");
    if (progress->total > 0) {
        draw_bar(progress, position);
    }
    (void)fprintf(progress->terminal->err, "%s %s", progress->what, text);
    (void)fflush(progress->terminal->err);
    progress->drawn = true;
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
