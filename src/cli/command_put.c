/* shoal put and shoal delete: the two that write. The context of --json's answer can be given to
 * the next write of the key. */
#include <string.h>

#include "base/limits.h"
#include "cli/session.h"

#define READ_BYTES (64u * 1024u)

/* All of stdin, at most what a value may be and a little more, so that too much is told as such. */
static int read_all(struct terminal *terminal, struct buffer *out)
{
    for (;;) {
        int error = buffer_reserve(out, READ_BYTES);
        if (error != 0) {
            return terminal_fail(terminal, error, "the value on stdin is too large");
        }
        size_t got = fread(out->data + out->len, 1, READ_BYTES, terminal->in);
        out->len += got;
        if (got == 0) {
            return ferror(terminal->in) == 0
                       ? 0
                       : terminal_fail(terminal, SHOAL_EINVAL, "stdin can't be read");
        }
    }
}

/* The value, of --value or the argument behind the key. `owned` keeps what was read from stdin. */
static int find_value(struct session *session, uint32_t used, struct buffer *owned,
                      struct shoal_bytes *value)
{
    const struct invocation *invocation = session->invocation;
    const char *text = invocation->value;
    if (text == NULL && invocation->argument_count > used) {
        text = invocation->arguments[used++];
    }
    if (text == NULL) {
        return terminal_fail(session->terminal, SHOAL_EINVAL,
                             "put: which value? Give it as an argument, with -v, or - for stdin");
    }
    if (invocation->argument_count > used) {
        return terminal_fail_form(session->terminal, SHOAL_EINVAL,
                                  "put: \"%s\" is one argument too many; quote values with blanks",
                                  invocation->arguments[used]);
    }
    if (strcmp(text, "-") != 0) {
        *value = shoal_text(text);
        return 0;
    }
    int status = read_all(session->terminal, owned);
    if (status == 0) {
        *value = shoal_bytes(owned->data, owned->len);
    }
    return status;
}

static int finish(struct session *session, int code, struct shoal_result *result)
{
    int status = code != 0 ? session_fail(session, code)
                           : terminal_print_ok(session->terminal, result->context);
    shoal_result_free(result);
    return status;
}

int command_put(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    struct buffer owned;
    buffer_init(&owned, LIMIT_VALUE_BYTES_MAX + 2 * READ_BYTES);
    struct shoal_bytes key = {0};
    struct shoal_bytes value = {0};
    uint32_t used = 0;
    status = session_key(&session, &key, &used);
    if (status == 0) {
        status = find_value(&session, used, &owned, &value);
    }
    if (status == 0) {
        struct shoal_result *result = NULL;
        int code = shoal_put(session.client, key, value, &session.options, &result);
        status = finish(&session, code, result);
    }
    buffer_deinit(&owned);
    session_close(&session);
    return status;
}

int command_delete(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    struct shoal_bytes key = {0};
    uint32_t used = 0;
    status = session_key(&session, &key, &used);
    if (status == 0) {
        struct shoal_result *result = NULL;
        int code = shoal_delete(session.client, key, &session.options, &result);
        status = finish(&session, code, result);
    }
    session_close(&session);
    return status;
}
