/* Asking a node for a change of membership and following it to its end: what all commands of
 * operators that change the cluster have in common. */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "cli/session.h"

/* How long a node may take to take the change, whatever --timeout gives the watching. */
#define CHANGE_TIMEOUT_MS 30000u

/* Opens the session for a request that is followed by watching; see session_open. */
int change_session_open(struct session *session, struct terminal *terminal,
                        const struct invocation *invocation);

/* Asks, says what will move, follows it unless it is only staged, and says OK. The exit status. */
int change_carry_out(struct terminal *terminal, const struct invocation *invocation,
                     const struct shoal_change *change);

#endif
