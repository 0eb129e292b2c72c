/* What a run can be found guilty of. Numbers below 20 are the invariants of the design, those from
 * 20 on are promises of the request interface. The first violation stands; later ones are its echo.
 */
#ifndef SIM_VERDICT_H
#define SIM_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum sim_invariant {
    SIM_ACKED = 1,    /* an acknowledged write is seen by every later strict read, or is covered */
    SIM_CONTEXTS = 2, /* contexts never regress, dots are unique, none covers what it hasn't seen */
    SIM_SIBLINGS = 3, /* concurrent siblings survive until a write that saw them */
    SIM_DELETED = 4,  /* a deleted value never returns */
    SIM_CONVERGENCE = 5, /* after faults stop all becomes identical in bounded time */
    SIM_OBLIGED = 6,     /* every acknowledged write stays held by W obliged owners */
    SIM_SAME_TRACE = 7,  /* one seed, one trace */
    SIM_ROBUSTNESS = 8,  /* nothing malformed is sent, nothing crashes */
    SIM_LIVENESS = 20,   /* every request completes exactly once, in time */
    SIM_OUTCOME = 21,    /* an answer says what is true */
    SIM_FEED = 22,       /* the live feed leaves nothing out in silence, nor makes anything up */
};

struct sim_verdict {
    bool broken;
    enum sim_invariant invariant;
    char text[1024];
};

void sim_verdict_fail(struct sim_verdict *verdict, enum sim_invariant invariant, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

/* "1 (acknowledged writes are seen)" */
const char *sim_invariant_text(enum sim_invariant invariant);

#endif
