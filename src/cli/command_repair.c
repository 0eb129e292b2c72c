/* shoal repair: has every node compare what it holds with the others now, and repair what differs,
 * instead of at its next turn. Done means that they have begun; `verify` tells when they are done.
 */
#include <inttypes.h>

#include "cli/session.h"
#include "report/cluster_json.h"

static int tell(struct terminal *terminal, const struct shoal_repair *repair)
{
    if (repair->told < repair->nodes) {
        terminal_remark(terminal, "%" PRIu32 " of %" PRIu32 " nodes have begun: %s", repair->told,
                        repair->nodes, repair->text);
    }
    if (!terminal->json) {
        return terminal_print_ok(terminal, (struct shoal_bytes){0});
    }
    return terminal_print_json(terminal, terminal->out, json_of_repair(repair));
}

int command_repair(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    struct shoal_repair *repair = NULL;
    int code = shoal_repair(session.client, &session.options, &repair);
    status = code == 0 ? tell(terminal, repair) : session_fail(&session, code);
    shoal_repair_free(repair);
    session_close(&session);
    return status;
}
