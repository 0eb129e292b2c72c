/* shoal watch: the live feed, a line for each event, until Ctrl-C, --timeout or --limit ends it.
 * When the node goes away it goes on at another by itself; how far it has come is said at the end,
 * so that a later watch can go on there. */
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "cli/feed_line.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "wire/messages.h"

#define LOOK_MS 100u /* between two looks for a signal */

struct watching {
    struct terminal *terminal;
    const struct invocation *invocation;
    struct shoal_client *client;
    struct shoal_watch *watch;
    struct signals signals;
    struct buffer after;
    struct shoal_watch_options options;
    uint64_t told;
    bool troubled; /* has said that it is looking for another node */
};

static int take_flags(struct watching *watching)
{
    const struct invocation *invocation = watching->invocation;
    struct shoal_watch_options *options = &watching->options;
    char why[FEED_OPS_WHY_BYTES];
    if (invocation->prefix != NULL) {
        options->prefix = shoal_text(invocation->prefix);
    }
    if (invocation->ops != NULL &&
        feed_ops_parse(bytes_from_string(invocation->ops), &options->ops, why) != 0) {
        return terminal_fail_form(watching->terminal, SHOAL_EINVAL, "--ops: %s", why);
    }
    if (invocation->after != NULL) {
        if (text_base64url_decode(bytes_from_string(invocation->after), &watching->after) != 0 ||
            watching->after.len == 0) {
            return terminal_fail(watching->terminal, SHOAL_EINVAL,
                                 "--after: this is no cursor; pass on one that an event had");
        }
        options->after = shoal_bytes(watching->after.data, watching->after.len);
    }
    return 0;
}

static int fail(struct watching *watching, int code)
{
    const char *text = shoal_client_error(watching->client);
    return terminal_fail(watching->terminal, code, text[0] != 0 ? text : shoal_error_text(code));
}

/* It asks the first node that answers, and learns who else there is, for when that one goes away.
 */
static int open_watch(struct watching *watching)
{
    const struct shoal_config config = {
        .hosts = session_hosts(watching->invocation),
        .port = (uint16_t)watching->invocation->port,
        .name = "shoal",
        .timeout_ms = TIMEOUT_MS_DEFAULT,
    };
    char text[INVOCATION_WHY_BYTES];
    int code = shoal_client_open(&config, &watching->client, text, sizeof(text));
    if (code != 0) {
        return terminal_fail(watching->terminal, code, text);
    }
    code = shoal_watch_open(watching->client, &watching->options, &watching->watch);
    return code == 0 ? 0 : fail(watching, code);
}

static int print_event(struct watching *watching, const struct shoal_event *event)
{
    struct terminal *terminal = watching->terminal;
    watching->told++;
    if (terminal->json) {
        return terminal_print_json(terminal, terminal->out, feed_line_json(event));
    }
    feed_line_print(terminal->out, event);
    return 0;
}

static void tell_trouble(struct watching *watching)
{
    const char *trouble = shoal_watch_trouble(watching->watch);
    if (trouble != NULL && !watching->troubled) {
        terminal_remark(watching->terminal, "shoal: %s; looking for another node", trouble);
    } else if (trouble == NULL && watching->troubled) {
        terminal_remark(watching->terminal, "shoal: going on");
    }
    watching->troubled = trouble != NULL;
}

static bool is_enough(const struct watching *watching, uint64_t until_us)
{
    uint64_t limit = watching->invocation->limit;
    return (limit > 0 && watching->told >= limit) || progress_now_us() >= until_us ||
           signal_ends(signals_wait(&watching->signals, 0));
}

/* Until it is enough: 0, or the exit status. */
static int follow(struct watching *watching)
{
    uint64_t patience_us = watching->invocation->timeout_us;
    uint64_t until_us = patience_us == 0 ? UINT64_MAX : progress_now_us() + patience_us;
    while (!is_enough(watching, until_us)) {
        const struct shoal_event *event;
        int code = shoal_watch_next(watching->watch, 0, &event);
        if (code == SHOAL_ETIMEOUT) {
            if (fflush(watching->terminal->out) != 0) {
                return 0; /* said by the program's end */
            }
            tell_trouble(watching);
            code = shoal_watch_next(watching->watch, LOOK_MS, &event);
        }
        if (code == 0) {
            int status = print_event(watching, event);
            if (status != 0) {
                return status;
            }
        } else if (code != SHOAL_ETIMEOUT) {
            return fail(watching, code);
        }
    }
    return 0;
}

/* Under --json every event has its cursor. */
static void tell_place(const struct watching *watching)
{
    struct shoal_bytes cursor = shoal_watch_cursor(watching->watch);
    struct buffer text;
    buffer_init(&text, 0);
    if (cursor.data != NULL &&
        text_base64url_encode(bytes_make(cursor.data, cursor.len), &text) == 0) {
        (void)fflush(watching->terminal->out);
        terminal_remark(watching->terminal, "shoal: to go on from here: --after %.*s",
                        (int)text.len, (const char *)text.data);
    }
    buffer_deinit(&text);
}

static int run(struct watching *watching)
{
    int status = take_flags(watching);
    if (status == 0) {
        status = open_watch(watching);
    }
    if (status == 0) {
        status = follow(watching);
        tell_place(watching);
    }
    return status;
}

int command_watch(struct terminal *terminal, const struct invocation *invocation)
{
    struct watching watching = {.terminal = terminal, .invocation = invocation};
    buffer_init(&watching.after, 0);
    signals_catch(&watching.signals, false);
    int status = run(&watching);
    shoal_watch_stop(watching.watch);
    shoal_client_free(watching.client);
    signals_release(&watching.signals);
    buffer_deinit(&watching.after);
    return status;
}
