/* Saying things, plainly or in JSON. Bytes that aren't UTF-8 appear in JSON under NAME_base64,
 * never mangled; contexts and cursors are base64url, so that they pass through a shell untouched.
 */
#include "cli/terminal.h"
#include "report/bytes_json.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#define TEXT_BYTES 2048u

static const char *outcome_of(const struct terminal *terminal, int code)
{
    return shoal_error_nothing_applied(code) && !terminal->applied_some ? "none" : "unknown";
}

size_t terminal_print_tame(FILE *file, struct bytes rest)
{
    size_t len = text_utf8_length(rest);
    bool plain = len > 1 ? rest.data[0] != 0xc2 || rest.data[1] >= 0xa0
                         : len == 1 && rest.data[0] >= ' ' && rest.data[0] != 0x7f;
    len = len == 0 ? 1 : len;
    for (size_t i = 0; i < len; i++) {
        (void)fprintf(file, plain ? "%c" : "\\x%02x", rest.data[i]);
    }
    return len;
}

/* Keys, and what nodes say, are anybody's. */
static void print_all_tame(FILE *file, const char *text)
{
    struct bytes rest = bytes_from_string(text);
    while (rest.len > 0) {
        size_t len = terminal_print_tame(file, rest);
        rest = bytes_make(rest.data + len, rest.len - len);
    }
}

int terminal_fail(struct terminal *terminal, int code, const char *text)
{
    (void)fflush(terminal->out);
    if (terminal->json) {
        json_t *object = json_object();
        (void)json_set_bytes(object, "error", shoal_text(text));
        (void)json_object_set_new(object, "outcome", json_string(outcome_of(terminal, code)));
        (void)json_dumpf(object, terminal->err, JSON_COMPACT);
        (void)fputc('\n', terminal->err);
        json_decref(object);
    } else {
        (void)fputs("shoal: ", terminal->err);
        print_all_tame(terminal->err, text);
        (void)fputc('\n', terminal->err);
    }
    return shoal_error_exit_status(code);
}

int terminal_fail_form(struct terminal *terminal, int code, const char *form, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, form);
    (void)vsnprintf(text, sizeof(text), form, arguments);
    va_end(arguments);
    return terminal_fail(terminal, code, text);
}

void terminal_remark(struct terminal *terminal, const char *form, ...)
{
    if (terminal->json) {
        return;
    }
    va_list arguments;
    va_start(arguments, form);
    (void)vfprintf(terminal->err, form, arguments);
    va_end(arguments);
    (void)fputc('\n', terminal->err);
}

int terminal_print_json(struct terminal *terminal, FILE *file, json_t *object)
{
    int failed =
        object == NULL ? -1 : json_dumpf(object, file, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    if (failed != 0) {
        return terminal_fail(terminal, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
    }
    (void)fputc('\n', file);
    return 0;
}

int terminal_print_ok(struct terminal *terminal, struct shoal_bytes context)
{
    terminal->applied_some = true;
    if (!terminal->json) {
        (void)fprintf(terminal->out, "OK\n");
        return 0;
    }
    json_t *object = json_pack("{s:s}", "message", "Ok");
    if (object != NULL && context.data != NULL && !json_set_token(object, "context", context)) {
        json_decref(object);
        object = NULL;
    }
    return terminal_print_json(terminal, terminal->out, object);
}
