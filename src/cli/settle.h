/* Watching a change of membership until it has settled: one layout in force, everybody has what it
 * owns, nobody holds what it doesn't, whoever leaves has left. Watching changes nothing: whoever
 * gives it up, by --timeout or Ctrl-C, leaves the change going on by itself. It survives the asked
 * node, see lookout.h. */
#ifndef CLI_SETTLE_H
#define CLI_SETTLE_H

#include "cli/headway.h"
#include "cli/lookout.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "report/situation.h"

struct settle {
    struct terminal *terminal;
    struct signals signals;
    bool armed; /* the signals are caught */
    struct lookout lookout;
    struct progress progress;
    struct headway headway;
    uint64_t began_us;
    uint64_t until_us;               /* UINT64_MAX: without end */
    uint64_t settled_us;             /* since when it looks settled; 0: it doesn't */
    uint64_t failed_us;              /* since when nobody answers; 0: somebody does */
    uint64_t stuck_us;               /* since when somebody holds it up; 0: nobody does */
    char told[SITUATION_TEXT_BYTES]; /* who does, as was said last */
};

/* Before the change is asked for: the time runs from here. */
void settle_begin(struct settle *settle, struct session *session);
void settle_end(struct settle *settle);

/* Asks once, so that other members are known should the asked node go away. */
void settle_learn(struct settle *settle);

/* Once the change is made, before anything is said of it: from now on Ctrl-C ends the watching. */
void settle_arm(struct settle *settle);

/* Waits, armed. 0, or the exit status when it was given up, and why has been said. `expected` may
 * be NULL. */
int settle_wait(struct settle *settle, const struct expectation *expected);

#endif
