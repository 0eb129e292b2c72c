/* shoal ping: is the node there? Answered by any node on either of its native ports, whatever state
 * its cluster is in. */
#include "cli/session.h"

int command_ping(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    int code = shoal_ping(session.client, &session.options);
    if (code != 0) {
        status = session_fail(&session, code);
    } else if (terminal->json) {
        status =
            terminal_print_json(terminal, terminal->out, json_pack("{s:s}", "message", "PONG"));
    } else {
        (void)fprintf(terminal->out, "PONG\n");
    }
    session_close(&session);
    return status;
}
