/* The first finding stands. */
#include "sim_verdict.h"

#include <stdarg.h>
#include <stdio.h>

void sim_verdict_fail(struct sim_verdict *verdict, enum sim_invariant invariant, const char *format,
                      ...)
{
    if (verdict->broken) {
        return;
    }
    verdict->broken = true;
    verdict->invariant = invariant;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->text, sizeof(verdict->text), format, arguments);
    va_end(arguments);
}

const char *sim_invariant_text(enum sim_invariant invariant)
{
    switch (invariant) {
    case SIM_ACKED:
        return "1 (an acknowledged write is seen or covered by a newer one)";
    case SIM_CONTEXTS:
        return "2 (contexts never regress nor cover what they have not seen; dots are unique)";
    case SIM_SIBLINGS:
        return "3 (concurrent siblings survive until a write that saw them)";
    case SIM_DELETED:
        return "4 (a deleted value never returns)";
    case SIM_CONVERGENCE:
        return "5 (after faults stop everything converges)";
    case SIM_OBLIGED:
        return "6 (acknowledged writes stay held by W owners)";
    case SIM_SAME_TRACE:
        return "7 (the same seed gives the same trace)";
    case SIM_ROBUSTNESS:
        return "8 (nothing malformed is sent, nothing crashes)";
    case SIM_FEED:
        return "22 (the live feed leaves nothing out in silence, nor makes anything up)";
    case SIM_LIVENESS:
        return "liveness (every request completes once and in time)";
    case SIM_OUTCOME:
        return "outcome (an answer says what is true)";
    }
    return "?";
}
