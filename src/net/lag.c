/* Measuring how late a loop is; see lag.h. */
#include "net/lag.h"

#define LOOK_US UINT64_C(200000)

int lag_declare_metrics(struct metrics *metrics, metric_id *seconds)
{
    return metrics_declare(metrics, METRIC_HISTOGRAM, "shoal_loop_lag_seconds", NULL,
                           "How late the workers' loops were, looked at five times a second each; "
                           "up to a millisecond is the timer's own.",
                           seconds);
}

static void start(struct lag *lag)
{
    lag->due_us = loop_now(lag->loop).mono_us + LOOK_US;
    loop_start_timer(lag->loop, &lag->timer, LOOK_US);
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
    struct lag *lag = QUEUE_ITEM(timer, struct lag, timer);
    metrics_observe_us(lag->metrics, lag->loop->index, lag->seconds,
                       now_us > lag->due_us ? now_us - lag->due_us : 0);
    start(lag);
}

void lag_start(struct lag *lag, struct loop *loop, struct metrics *metrics, metric_id seconds)
{
    *lag =
        (struct lag){.timer.fire = on_timer, .loop = loop, .metrics = metrics, .seconds = seconds};
    if (metrics != NULL) {
        start(lag);
    }
}
