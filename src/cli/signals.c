/* See signals.h. */
#include "cli/signals.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void signals_catch(struct signals *signals, bool on_screen)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
    size_t count = on_screen ? 5 : 3;
    (void)sigemptyset(&signals->caught);
    for (size_t i = 0; i < count; i++) {
        if (!is_ignored(numbers[i])) {
            (void)sigaddset(&signals->caught, numbers[i]);
        }
    }
    (void)pthread_sigmask(SIG_BLOCK, &signals->caught, &signals->before);
}

int signals_wait(const struct signals *signals, uint64_t us)
{
    const struct timespec pause = {
        .tv_sec = (time_t)(us / 1000000),
        .tv_nsec = (long)(us % 1000000) * 1000,
    };
    int number = sigtimedwait(&signals->caught, NULL, &pause);
    return number > 0 ? number : 0;
}

void signals_release(struct signals *signals)
{
    while (signals_wait(signals, 0) != 0) {
    }
    (void)pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
}

bool signal_ends(int number)
{
    return number == SIGINT || number == SIGTERM || number == SIGHUP;
}
