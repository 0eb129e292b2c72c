/* shoal load: writes a file of records, many in flight. An overloaded cluster is given time and
 * asked again, which is safe as nothing was applied; any other failure ends the load, with the
 * first line that failed and the count of what is written. Loading a file again is harmless. */
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/memory.h"
#include "cli/line.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "cli/session.h"

#define IN_FLIGHT_MAX 128u
#define IN_FLIGHT_BYTES_MAX (32u * (uint64_t)LIMIT_MIB)
#define LOAD_TIMEOUT_MS 30000u
/* The longest record, were every byte of it written as \u00XX. */
#define LINE_BYTES_MAX (6u * ((size_t)LIMIT_KEY_BYTES_MAX + LIMIT_VALUE_BYTES_MAX) + LIMIT_KIB)
#define RETRIES_MAX 12u
#define RETRY_PAUSE_US 20000u
#define RETRY_DOUBLINGS_MAX 6u

struct load {
    struct session *session;
    FILE *file;
    struct buffer line;
    uint64_t line_number;
    uint64_t bytes_read;
    bool at_end;
    uint64_t in_flight;
    uint64_t in_flight_bytes;
    uint64_t records; /* written */
    uint64_t bytes;   /* of keys and values written */
    bool unsure;      /* whether some record was written isn't known */
    int code;         /* of the failure on the first line that has one */
    uint64_t failed_line;
    char text[INVOCATION_WHY_BYTES];
    struct progress progress;
};

struct item {
    struct load *load;
    struct buffer key;
    struct buffer value;
    uint64_t line_number;
    uint32_t retries;
    struct event *pause;
};

static void fail(struct load *load, uint64_t line_number, int code, const char *text)
{
    if (load->code == 0 || line_number < load->failed_line) {
        load->code = code;
        load->failed_line = line_number;
        (void)snprintf(load->text, sizeof(load->text), "line %llu: %s",
                       (unsigned long long)line_number, text);
    }
}

static void item_free(struct item *item)
{
    if (item->pause != NULL) {
        event_free(item->pause);
    }
    buffer_deinit(&item->key);
    buffer_deinit(&item->value);
    mem_free(item);
}

static void item_end(struct item *item)
{
    struct load *load = item->load;
    load->in_flight--;
    load->in_flight_bytes -= item->key.len + item->value.len;
    item_free(item);
}

static void item_send(struct item *item);

static void on_pause_over(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    item_send(user);
}

/* Does what becomes of this line still matter: has none before it failed? */
static bool item_counts(const struct item *item)
{
    return item->load->code == 0 || item->line_number < item->load->failed_line;
}

/* True when it will be sent again. */
static bool item_retry(struct item *item)
{
    struct load *load = item->load;
    if (item->retries == RETRIES_MAX || !item_counts(item)) {
        return false;
    }
    uint32_t doublings = item->retries < RETRY_DOUBLINGS_MAX ? item->retries : RETRY_DOUBLINGS_MAX;
    struct timeval pause = {.tv_usec = (suseconds_t)(RETRY_PAUSE_US << doublings) % 1000000};
    pause.tv_sec = (time_t)((RETRY_PAUSE_US << doublings) / 1000000);
    item->retries++;
    if (item->pause == NULL) {
        item->pause = evtimer_new(shoal_client_base(load->session->client), on_pause_over, item);
    }
    return item->pause != NULL && evtimer_add(item->pause, &pause) == 0;
}

static void on_done(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    (void)client;
    struct item *item = user;
    struct load *load = item->load;
    if (result->code == SHOAL_EOVERLOAD && item_retry(item)) {
        return;
    }
    if (result->code == 0) {
        load->records++;
        load->bytes += item->key.len + item->value.len;
    } else {
        load->unsure = load->unsure || !shoal_error_nothing_applied(result->code);
        fail(load, item->line_number, result->code, result->text);
    }
    item_end(item);
}

static void item_send(struct item *item)
{
    struct load *load = item->load;
    int error = shoal_put_start(load->session->client, shoal_bytes(item->key.data, item->key.len),
                                shoal_bytes(item->value.data, item->value.len),
                                &load->session->options, on_done, item);
    if (error != 0) {
        fail(load, item->line_number, error, shoal_error_text(error));
        item_end(item);
    }
}

/* Reads the next line; false: there is none, or it can't be had. */
static bool next_line(struct load *load)
{
    int error = line_read(load->file, &load->line);
    if (error == LINE_END) {
        load->at_end = true;
        return false;
    }
    load->line_number++;
    load->bytes_read += load->line.len + 1;
    if (error != 0) {
        fail(load, load->line_number, error == SHOAL_EIO ? SHOAL_EINVAL : error,
             error == SHOAL_EIO       ? strerror(errno)
             : error == SHOAL_ETOOBIG ? "it is longer than any record can be"
                                      : shoal_error_text(error));
        return false;
    }
    return true;
}

/* Reads the next line and sends its record. Blank lines are passed over. */
static void load_line(struct load *load)
{
    if (!next_line(load)) {
        return;
    }
    size_t content = load->line.len;
    while (content > 0 && strchr("\r\n \t", load->line.data[content - 1]) != NULL) {
        content--;
    }
    if (content == 0) {
        return;
    }
    struct item *item = mem_alloc_zeroed(1, sizeof(*item));
    if (item == NULL) {
        fail(load, load->line_number, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        return;
    }
    *item = (struct item){.load = load, .line_number = load->line_number};
    buffer_init(&item->key, 0);
    buffer_init(&item->value, 0);
    char why[RECORD_WHY_BYTES];
    int error = record_read(bytes_make(load->line.data, content), &item->key, &item->value, why);
    if (error != 0) {
        fail(load, load->line_number, error, why);
        item_free(item);
        return;
    }
    load->in_flight++;
    load->in_flight_bytes += item->key.len + item->value.len;
    item_send(item);
}

static void show_progress(struct load *load)
{
    if (progress_due(&load->progress)) {
        char text[96];
        double seconds = progress_seconds(&load->progress);
        (void)snprintf(text, sizeof(text), "%llu records (%.0f/s)",
                       (unsigned long long)load->records, (double)load->records / seconds);
        progress_show(&load->progress, load->bytes_read, text);
    }
}

static void load_run(struct load *load)
{
    struct event_base *base = shoal_client_base(load->session->client);
    while ((!load->at_end && load->code == 0) || load->in_flight > 0) {
        if (!load->at_end && load->code == 0 && load->in_flight < IN_FLIGHT_MAX &&
            load->in_flight_bytes < IN_FLIGHT_BYTES_MAX) {
            load_line(load);
        } else {
            (void)event_base_loop(base, EVLOOP_ONCE);
        }
        show_progress(load);
    }
}

static int load_end(struct load *load)
{
    struct terminal *terminal = load->session->terminal;
    progress_end(&load->progress);
    terminal->applied_some = load->records > 0 || load->unsure;
    if (load->code != 0) {
        return terminal_fail_form(terminal, load->code, "%s (%llu records were written)",
                                  load->text, (unsigned long long)load->records);
    }
    if (terminal->json) {
        return terminal_print_json(terminal, terminal->out,
                                   json_pack("{s:I,s:I}", "records", (json_int_t)load->records,
                                             "bytes", (json_int_t)load->bytes));
    }
    (void)fprintf(terminal->out, "loaded %llu records, %llu bytes in %.1f s\n",
                  (unsigned long long)load->records, (unsigned long long)load->bytes,
                  progress_seconds(&load->progress));
    return 0;
}

static uint64_t size_of(FILE *file)
{
    struct stat info;
    return fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
}

int command_load(struct terminal *terminal, const struct invocation *invocation)
{
    const char *name = invocation->arguments[0];
    bool from_stdin = strcmp(name, "-") == 0;
    FILE *file = from_stdin ? terminal->in : fopen(name, "re");
    if (file == NULL) {
        return terminal_fail_form(terminal, SHOAL_EINVAL, "%s: %s", name, strerror(errno));
    }
    struct session session;
    int status = session_open(&session, terminal, invocation, LOAD_TIMEOUT_MS);
    if (status == 0) {
        struct load load = {.session = &session, .file = file};
        buffer_init(&load.line, LINE_BYTES_MAX);
        progress_begin(&load.progress, terminal, "loaded", size_of(file));
        load_run(&load);
        status = load_end(&load);
        buffer_deinit(&load.line);
        session_close(&session);
    }
    if (!from_stdin) {
        (void)fclose(file);
    }
    return status;
}
