/* The table of when to try again, as a function: see retry.h for the rule it keeps. */
#include "client/retry.h"

#include "base/mutant.h"
#include "shoal/error.h"

/* Answers that another node may better: this one is stopping, or has no say in the key. */
static bool another_may_know(int code)
{
    return code == SHOAL_ESHUTDOWN || code == SHOAL_ENOTOWNER || code == SHOAL_EREFILLING;
}

struct verdict retry_decide(bool changes, enum attempt_end end, int code)
{
    switch (end) {
    case ATTEMPT_ANSWERED:
        return (struct verdict){.again = another_may_know(code), .code = code};
    case ATTEMPT_UNSENT:
        return (struct verdict){.again = true, .code = code};
    case ATTEMPT_LOST:
        return (struct verdict){.again = !changes || MUTANT(retry_lost),
                                .code = changes ? SHOAL_EUNKNOWN : code};
    case ATTEMPT_TIMED_OUT:
        return (struct verdict){.code = changes ? SHOAL_EUNKNOWN : SHOAL_ETIMEOUT};
    case ATTEMPT_EXPIRED:
        break;
    }
    return (struct verdict){.code = code};
}
