/* Waiting between two looks, ended early by a signal. The signals are blocked and taken one by one
 * where the program waits, so nothing is interrupted at a point it didn't expect, and there are no
 * handlers with variables of the process. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct signals {
    sigset_t caught;
    sigset_t before; /* the mask as it was */
};

/* From now on SIGINT, SIGTERM and SIGHUP wait to be taken, but for those that are ignored anyway;
 * on a screen also SIGWINCH and SIGTSTP. */
void signals_catch(struct signals *signals, bool on_screen);
/* Lets them act again; those that came and were not taken are forgotten. */
void signals_release(struct signals *signals);

/* 0 when the time is over, or the number of a signal. */
int signals_wait(const struct signals *signals, uint64_t us);

/* Whether it asks the program to end. */
bool signal_ends(int number);

#endif
