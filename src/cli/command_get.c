/* shoal get: one key's value. Concurrent writes leave siblings; the winner is shown, and that there
 * are others is said on stderr, so that neither scripts nor people lose sight of them. */
#include "cli/session.h"
#include "report/bytes_json.h"

static void write_bytes(struct terminal *terminal, struct shoal_bytes bytes)
{
    if (bytes.len > 0) {
        (void)fwrite(bytes.data, 1, bytes.len, terminal->out);
    }
}

static int print_json(struct terminal *terminal, const struct shoal_result *result)
{
    json_t *values = json_array();
    json_t *object = json_pack("{s:o}", "values", values);
    bool done = object != NULL;
    for (size_t i = 0; i < result->value_count && done; i++) {
        json_t *value = json_object();
        done = json_set_bytes(value, "value", result->values[i].value) &&
               json_array_append(values, value) == 0;
        json_decref(value);
    }
    if (!done || !json_set_token(object, "context", result->context)) {
        json_decref(object);
        object = NULL;
    }
    return terminal_print_json(terminal, terminal->out, object);
}

static int print_plain(struct terminal *terminal, const struct invocation *invocation,
                       const struct shoal_result *result)
{
    size_t shown = invocation->siblings ? result->value_count : 1;
    for (size_t i = 0; i < shown; i++) {
        write_bytes(terminal, result->values[i].value);
        if (!invocation->raw) {
            (void)fputc('\n', terminal->out);
        }
    }
    if (shown < result->value_count) {
        terminal_remark(terminal,
                        "shoal: warning: %zu concurrent values, this is the winner; see all with "
                        "--siblings, replace them with a put -c CONTEXT (get --json shows it)",
                        result->value_count);
    }
    return 0;
}

int command_get(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    struct shoal_bytes key = {0};
    uint32_t used = 0;
    struct shoal_result *result = NULL;
    status = session_key(&session, &key, &used);
    if (status == 0) {
        int code = shoal_get(session.client, key, &session.options, &result);
        if (code == 0 && result->value_count == 0) {
            code = SHOAL_ENOTFOUND;
        }
        if (code == SHOAL_ENOTFOUND) {
            status =
                terminal_fail_form(terminal, code, "no such key: %.*s",
                                   (int)(key.len < 256 ? key.len : 256), (const char *)key.data);
        } else if (code != 0) {
            status = session_fail(&session, code);
        } else if (terminal->json) {
            status = print_json(terminal, result);
        } else {
            status = print_plain(terminal, invocation, result);
        }
    }
    shoal_result_free(result);
    session_close(&session);
    return status;
}
