/* shoal dump: every key with its value, a line of JSON each, as load takes them. The lines go to
 * stdout or a file, the count to stderr, so that a dump can be piped. Of siblings the winner is
 * written. */
#include <errno.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/record.h"
#include "cli/session.h"

#define PAGE_KEYS 1000u
#define DUMP_TIMEOUT_MS 30000u

struct dump {
    struct session *session;
    FILE *file;
    uint64_t records;
    uint64_t bytes;
    struct progress progress;
};

static int write_page(struct dump *dump, const struct shoal_result *page)
{
    for (size_t i = 0; i < page->entry_count; i++) {
        int error = record_write(dump->file, &page->entries[i]);
        if (error != 0) {
            return terminal_fail_form(dump->session->terminal, error, "can't write: %s",
                                      error == SHOAL_EIO ? strerror(errno)
                                                         : shoal_error_text(error));
        }
        dump->records++;
        dump->bytes += page->entries[i].key.len + page->entries[i].value.len;
    }
    if (progress_due(&dump->progress)) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%llu records", (unsigned long long)dump->records);
        progress_show(&dump->progress, dump->records, text);
    }
    return 0;
}

static int dump_run(struct dump *dump)
{
    struct session *session = dump->session;
    struct shoal_list list = {.limit = PAGE_KEYS, .with_values = 1};
    if (session->invocation->prefix != NULL) {
        list.prefix = shoal_text(session->invocation->prefix);
    }
    struct shoal_result *before = NULL; /* holds the cursor of the page asked for */
    int status = 0;
    do {
        struct shoal_result *page = NULL;
        int code = shoal_list(session->client, &list, &session->options, &page);
        shoal_result_free(before);
        before = page;
        if (code != 0) {
            return session_fail(session, code);
        }
        status = write_page(dump, page);
        list.after = page->after;
    } while (status == 0 && list.after.data != NULL);
    shoal_result_free(before);
    return status;
}

static int dump_end(struct dump *dump)
{
    struct terminal *terminal = dump->session->terminal;
    progress_end(&dump->progress);
    if (fflush(dump->file) != 0) {
        return terminal_fail_form(terminal, SHOAL_EIO, "can't write: %s", strerror(errno));
    }
    if (terminal->json) {
        FILE *counts = dump->file == terminal->out ? terminal->err : terminal->out;
        return terminal_print_json(terminal, counts,
                                   json_pack("{s:I,s:I}", "records", (json_int_t)dump->records,
                                             "bytes", (json_int_t)dump->bytes));
    }
    terminal_remark(terminal, "dumped %llu records, %llu bytes in %.1f s",
                    (unsigned long long)dump->records, (unsigned long long)dump->bytes,
                    progress_seconds(&dump->progress));
    return 0;
}

int command_dump(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, DUMP_TIMEOUT_MS);
    if (status != 0) {
        return status;
    }
    struct dump dump = {.session = &session, .file = terminal->out};
    if (invocation->output != NULL) {
        dump.file = fopen(invocation->output, "we");
    }
    if (dump.file == NULL) {
        status = terminal_fail_form(terminal, SHOAL_EINVAL, "%s: %s", invocation->output,
                                    strerror(errno));
    } else {
        progress_begin(&dump.progress, terminal, "dumped", 0);
        status = dump_run(&dump);
        if (status == 0) {
            status = dump_end(&dump);
        }
        if (dump.file != terminal->out && fclose(dump.file) != 0 && status == 0) {
            status = terminal_fail_form(terminal, SHOAL_EIO, "%s: %s", invocation->output,
                                        strerror(errno));
        }
    }
    session_close(&session);
    return status;
}
