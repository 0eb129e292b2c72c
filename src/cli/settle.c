/* See settle.h. What settled means is situation.h's; here are the looks, and what is said. */
#include "cli/settle.h"

#include <inttypes.h>
#include <string.h>

#include "report/quantity.h"

#define LOOK_US UINT64_C(200000)
/* What others say of themselves comes by gossip, some of it a moment after the layout went. */
#define STEADY_US UINT64_C(600000)
#define STUCK_US UINT64_C(2000000)
#define SILENCE_US UINT64_C(5000000)
#define GOES_ON "the change goes on by itself: see shoal status --watch"

void settle_begin(struct settle *settle, struct session *session)
{
    *settle = (struct settle){.terminal = session->terminal};
    lookout_init(&settle->lookout, session->invocation);
    progress_begin(&settle->progress, session->terminal, "moving:", 0);
    settle->began_us = settle->progress.started_us;
    uint64_t patience_us = session->invocation->timeout_us;
    settle->until_us = patience_us == 0 ? UINT64_MAX : settle->began_us + patience_us;
}

void settle_end(struct settle *settle)
{
    progress_end(&settle->progress);
    lookout_deinit(&settle->lookout);
    if (settle->armed) {
        signals_release(&settle->signals);
        settle->armed = false;
    }
}

void settle_arm(struct settle *settle)
{
    signals_catch(&settle->signals, false);
    settle->armed = true;
}

void settle_learn(struct settle *settle)
{
    struct shoal_status *status;
    if (lookout_ask(&settle->lookout, &status) == 0) {
        shoal_status_free(status);
    }
}

/* ---- what is said ---- */

/* As much of it as there is room for. */
static void append_text(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    size_t len = strnlen(more, size - 1 - used);
    memcpy(text + used, more, len);
    text[used + len] = '\0';
}

static void append(char *text, size_t size, const char *separator, const char *more)
{
    append_text(text, size, text[0] == '\0' ? "" : separator);
    append_text(text, size, more);
}

/* Who holds it up, when somebody should do something about it: said once, until it changes, and
 * not at once, for a node that has only just joined or started looks like one that is down. */
static void tell_stuck(struct settle *settle, const struct situation *situation, uint64_t now_us)
{
    char told[SITUATION_TEXT_BYTES] = "";
    for (uint32_t i = 0; i < situation->wait_count && i < SITUATION_WAITS_MAX; i++) {
        if (wait_is_stuck(&situation->waits[i])) {
            char text[SITUATION_TEXT_BYTES];
            wait_text(&situation->waits[i], text);
            append(told, sizeof(told), "; ", text);
        }
    }
    if (told[0] == '\0') {
        settle->stuck_us = 0;
        settle->told[0] = '\0';
        return;
    }
    settle->stuck_us = settle->stuck_us == 0 ? now_us : settle->stuck_us;
    if (now_us - settle->stuck_us >= STUCK_US && strcmp(told, settle->told) != 0) {
        progress_remark(&settle->progress, "waiting for %s", told);
        memcpy(settle->told, told, sizeof(told));
    }
}

/* The first ones waited for, as the bar has room for. */
static void append_waits(const struct situation *situation, char text[2 * SITUATION_TEXT_BYTES])
{
    if (situation->wait_count == 0 || situation->to_sync > 0 ||
        wait_is_stuck(&situation->waits[0])) {
        return;
    }
    char first[SITUATION_TEXT_BYTES];
    wait_text(&situation->waits[0], first);
    append(text, (size_t)2 * SITUATION_TEXT_BYTES, "; waiting for ", first);
    if (situation->wait_count > 1) {
        char more[64];
        (void)snprintf(more, sizeof(more), " and %" PRIu32 " more", situation->wait_count - 1);
        append(text, (size_t)2 * SITUATION_TEXT_BYTES, "", more);
    }
}

static void show(struct settle *settle, const struct situation *situation, uint64_t now_us)
{
    struct progress *progress = &settle->progress;
    struct headway *headway = &settle->headway;
    headway_note(headway, situation, now_us);
    progress->total = headway->total;
    progress->what = headway->measure == HEADWAY_RELEASES ? "letting go:" : "moving:";
    tell_stuck(settle, situation, now_us);
    if (!progress_due(progress)) {
        return;
    }
    uint64_t seconds;
    bool is_known = headway_seconds_left(headway, &seconds);
    char text[2 * SITUATION_TEXT_BYTES];
    situation_text(situation, is_known ? &seconds : NULL, text);
    append_waits(situation, text);
    progress_show(progress, headway->total - headway->left, text);
}

/* ---- the looks ---- */

/* True when it has settled, and has been so for a moment. */
static bool look(struct settle *settle, const struct expectation *expected)
{
    struct shoal_status *status;
    uint64_t now_us = progress_now_us();
    if (lookout_ask(&settle->lookout, &status) != 0) {
        settle->settled_us = 0;
        settle->failed_us = settle->failed_us == 0 ? now_us : settle->failed_us;
        if (now_us - settle->failed_us >= SILENCE_US) {
            progress_remark(&settle->progress, "nobody answers: %s", settle->lookout.why);
            settle->failed_us = now_us;
        }
        return false;
    }
    settle->failed_us = 0;
    struct situation situation;
    situation_read(status, expected, &situation);
    if (!situation.settled) {
        settle->settled_us = 0;
        show(settle, &situation, now_us);
    } else if (settle->settled_us == 0) {
        settle->settled_us = now_us;
    }
    shoal_status_free(status);
    return settle->settled_us != 0 && now_us - settle->settled_us >= STEADY_US;
}

static int give_up(struct settle *settle, const char *why)
{
    progress_end(&settle->progress);
    char whom[2 * SITUATION_TEXT_BYTES] = "";
    if (settle->told[0] != '\0') {
        (void)snprintf(whom, sizeof(whom), "; it waits for %s", settle->told);
    }
    return terminal_fail_form(settle->terminal, SHOAL_EUNKNOWN, "%s; %s%s", why, GOES_ON, whom);
}

int settle_wait(struct settle *settle, const struct expectation *expected)
{
    for (;;) {
        if (look(settle, expected)) {
            progress_end(&settle->progress);
            return 0;
        }
        uint64_t now_us = progress_now_us();
        if (now_us >= settle->until_us) {
            return give_up(settle, "it has not settled in the time given by --timeout");
        }
        uint64_t left_us = settle->until_us - now_us;
        uint64_t pause_us = left_us < LOOK_US ? left_us : LOOK_US;
        if (signal_ends(signals_wait(&settle->signals, pause_us))) {
            return give_up(settle, "interrupted");
        }
    }
}
