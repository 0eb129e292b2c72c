/* shoal status: the nodes as one of them sees them, and how a change of them goes. --watch goes on
 * showing it until it is interrupted: in place on a terminal, elsewhere a line for each change. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/headway.h"
#include "cli/lookout.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/status_text.h"
#include "report/cluster_json.h"
#include "report/situation.h"

#define LOOK_US UINT64_C(1000000)

static int show(struct session *session)
{
    struct terminal *terminal = session->terminal;
    struct shoal_status *status = NULL;
    int code = shoal_status(session->client, &session->options, &status);
    if (code != 0) {
        return session_fail(session, code);
    }
    int exit_status = 0;
    if (terminal->json) {
        exit_status = terminal_print_json(terminal, terminal->out, json_of_status(status));
    } else {
        status_print(status, NULL, terminal->out);
    }
    shoal_status_free(status);
    return exit_status;
}

/* ---- again and again ---- */

struct watch {
    struct terminal *terminal;
    struct lookout lookout;
    struct headway headway;
    char *last; /* what was shown last, from malloc; NULL: nothing yet */
    bool on_screen;
};

/* The time left by what has been seen to move; false where that can't be told. */
static bool seconds_left(struct watch *watch, const struct shoal_status *status, uint64_t *out)
{
    struct situation situation;
    situation_read(status, NULL, &situation);
    headway_note(&watch->headway, &situation, progress_now_us());
    return headway_seconds_left(&watch->headway, out);
}

/* What is to be seen now, from malloc; NULL when there is no memory. */
static char *page_of(struct watch *watch, const struct shoal_status *status)
{
    if (watch->terminal->json) {
        json_t *object = json_of_status(status);
        char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
        json_decref(object);
        return text;
    }
    if (!watch->on_screen) {
        char line[STATUS_LINE_BYTES];
        status_line(status, line);
        return strdup(line);
    }
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return NULL;
    }
    uint64_t seconds;
    bool is_known = seconds_left(watch, status, &seconds);
    status_print(status, is_known ? &seconds : NULL, file);
    if (fclose(file) != 0) {
        free(text);
        text = NULL;
    }
    return text;
}

/* The last page under a line that says why there is no newer one. */
static int paint(struct watch *watch, const char *trouble)
{
    size_t size = strlen(trouble) + strlen(watch->last != NULL ? watch->last : "") + 16;
    char *text = mem_alloc(size);
    if (text == NULL) {
        return screen_paint(watch->terminal->out, trouble);
    }
    (void)snprintf(text, size, "%s%s%s", trouble, trouble[0] != '\0' ? "\n" : "",
                   watch->last != NULL ? watch->last : "");
    int error = screen_paint(watch->terminal->out, text);
    mem_free(text);
    return error;
}

/* 0, or -1 when nobody reads it any more. */
static int tell(struct watch *watch, char *page)
{
    bool is_same = watch->last != NULL && strcmp(watch->last, page) == 0;
    free(watch->last);
    watch->last = page;
    if (watch->on_screen) {
        return paint(watch, "");
    }
    if (!is_same) {
        (void)fprintf(watch->terminal->out, "%s\n", page);
    }
    return fflush(watch->terminal->out) == 0 ? 0 : -1;
}

/* A cluster that is away for a while doesn't end it. */
static int look(struct watch *watch)
{
    struct shoal_status *status;
    if (lookout_ask(&watch->lookout, &status) == 0) {
        char *page = page_of(watch, status);
        shoal_status_free(status);
        return page == NULL ? 0 : tell(watch, page);
    }
    if (watch->on_screen) {
        return paint(watch, watch->lookout.why);
    }
    terminal_remark(watch->terminal, "shoal: %s", watch->lookout.why);
    return 0;
}

/* Ctrl-Z: the shell gets its screen, and this one comes back with `fg`. */
static void suspend(struct watch *watch)
{
    screen_leave(watch->terminal->out);
    (void)raise(SIGSTOP);
    screen_enter(watch->terminal->out);
}

static void watch_until_signal(struct watch *watch)
{
    struct signals signals;
    signals_catch(&signals, watch->on_screen);
    if (watch->on_screen) {
        screen_enter(watch->terminal->out);
    }
    bool goes_on = true;
    while (goes_on && look(watch) == 0) {
        int number = signals_wait(&signals, LOOK_US);
        goes_on = !signal_ends(number);
        if (number == SIGTSTP) {
            suspend(watch);
        }
    }
    if (watch->on_screen) {
        screen_leave(watch->terminal->out);
    }
    signals_release(&signals);
}

static int watch(struct terminal *terminal, const struct invocation *invocation)
{
    struct watch watch = {
        .terminal = terminal,
        .on_screen = terminal->out_is_screen && !terminal->json,
    };
    lookout_init(&watch.lookout, invocation);
    watch_until_signal(&watch);
    lookout_deinit(&watch.lookout);
    free(watch.last);
    return 0;
}

int command_status(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    status = invocation->watch ? 0 : show(&session);
    session_close(&session);
    return invocation->watch ? watch(terminal, invocation) : status;
}
