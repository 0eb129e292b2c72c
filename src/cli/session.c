/* Connecting as the flags say. */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/trace.h"

const char *session_hosts(const struct invocation *invocation)
{
    if (invocation->hosts != NULL) {
        return invocation->hosts;
    }
    const char *hosts = getenv("SHOAL_HOSTS");
    return hosts != NULL && hosts[0] != '\0' ? hosts : NULL;
}

static int take_context(struct session *session)
{
    const char *context = session->invocation->context;
    if (context == NULL) {
        return 0;
    }
    if (text_base64url_decode(bytes_from_string(context), &session->context) != 0 ||
        session->context.len == 0) {
        return terminal_fail(session->terminal, SHOAL_ECONTEXT,
                             "--context: this is no context; pass on what a get or put has given");
    }
    session->options.context = shoal_bytes(session->context.data, session->context.len);
    return 0;
}

/* As programs pass it on to those they run; what isn't one is passed over. */
static const char *traceparent(void)
{
    const char *text = getenv("TRACEPARENT");
    struct trace ignored;
    return text != NULL && trace_parse(bytes_from_string(text), &ignored) == 0 ? text : NULL;
}

static void take_options(struct session *session, uint64_t timeout_ms)
{
    const struct invocation *invocation = session->invocation;
    session->options = (struct shoal_options){
        .n = invocation->n,
        .r = invocation->r,
        .w = invocation->w,
        .pr = invocation->pr,
        .pw = invocation->pw,
        .dw = invocation->dw,
        .timeout_ms = timeout_ms,
        .ttl_ms = (invocation->ttl_us + 999) / 1000,
        .traceparent = traceparent(),
    };
}

uint64_t session_connect_timeout_ms(const struct invocation *invocation)
{
    const char *hosts = session_hosts(invocation);
    bool one_host = hosts == NULL || strchr(hosts, ',') == NULL;
    uint64_t most_ms =
        invocation->timeout_us / 1000 * 9 / 10; /* and then there is time to say why */
    return one_host && most_ms > CONNECT_TIMEOUT_MS_LEAST ? most_ms : 0;
}

int session_open(struct session *session, struct terminal *terminal,
                 const struct invocation *invocation, uint64_t timeout_ms_default)
{
    *session = (struct session){.terminal = terminal, .invocation = invocation};
    buffer_init(&session->context, 0);
    uint64_t timeout_ms =
        invocation->timeout_us == 0 ? timeout_ms_default : (invocation->timeout_us + 999) / 1000;
    take_options(session, timeout_ms);
    int status = take_context(session);
    if (status != 0) {
        buffer_deinit(&session->context);
        return status;
    }
    struct shoal_config config = {
        .hosts = session_hosts(invocation),
        .port = (uint16_t)invocation->port,
        .routing = SHOAL_ROUTE_GIVEN,
        .name = "shoal",
        .timeout_ms = timeout_ms,
        .connect_timeout_ms = session_connect_timeout_ms(invocation),
    };
    char text[INVOCATION_WHY_BYTES];
    int error = shoal_client_open(&config, &session->client, text, sizeof(text));
    if (error != 0) {
        buffer_deinit(&session->context);
        return terminal_fail(terminal, error, text);
    }
    return 0;
}

void session_close(struct session *session)
{
    shoal_client_free(session->client);
    buffer_deinit(&session->context);
}

int session_fail(struct session *session, int code)
{
    const char *text = shoal_client_error(session->client);
    return terminal_fail(session->terminal, code, text[0] != '\0' ? text : shoal_error_text(code));
}

int session_key(struct session *session, struct shoal_bytes *key, uint32_t *used)
{
    const struct invocation *invocation = session->invocation;
    *used = invocation->key == NULL ? 1 : 0;
    const char *text = invocation->key;
    if (text == NULL && invocation->argument_count > 0) {
        text = invocation->arguments[0];
    }
    if (text == NULL) {
        return terminal_fail_form(session->terminal, SHOAL_EINVAL,
                                  "%s: which key? Give it as an argument or with -k",
                                  invocation->command->name);
    }
    *key = shoal_text(text);
    return 0;
}
