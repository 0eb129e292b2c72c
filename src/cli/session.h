/* What every command that talks to a cluster does first: connects as the flags say, and puts the
 * request's options together. Commands ask the given node, the first that answers, and let it pass
 * requests on; going to the owners directly is the business of clients that live longer. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "base/buffer.h"
#include "cli/command.h"
#include "shoal/cluster.h"

struct session {
    struct terminal *terminal;
    const struct invocation *invocation;
    struct shoal_client *client;
    struct shoal_options options;
    struct buffer context; /* what options.context points to */
};

/* The hosts that flags and environment name, for shoal_config. */
const char *session_hosts(const struct invocation *invocation);

/* For shoal_config, 0 being its default: who names one host, and with --timeout how long it may
 * take, would rather wait for that host than hear early that it says nothing yet. */
uint64_t session_connect_timeout_ms(const struct invocation *invocation);

/* 0 and the session is the caller's to close, or the exit status; what was wrong has been said.
 * timeout_ms_default is used where no --timeout is given. */
int session_open(struct session *session, struct terminal *terminal,
                 const struct invocation *invocation, uint64_t timeout_ms_default);
void session_close(struct session *session);

/* Says why the client's last call failed; the exit status. */
int session_fail(struct session *session, int code);

/* The key, of --key or the first argument; the number of arguments that took (0 or 1) goes to
 * *used. 0 or the exit status. */
int session_key(struct session *session, struct shoal_bytes *key, uint32_t *used);

#define TIMEOUT_MS_DEFAULT 5000u
#define CONNECT_TIMEOUT_MS_LEAST 2000u

#endif
