/* shoal backup DIR: the node makes a copy of itself in a folder of its own machine, while it
 * serves. The command only asks and watches: giving it up changes nothing. */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "report/bytes_json.h"

#define POLL_MS 100

/* Against this shell's folder, for the common case that the node is on this machine. */
static int make_absolute(struct terminal *terminal, const char *path,
                         char out[2 * LIMIT_PATH_BYTES])
{
    char here[LIMIT_PATH_BYTES + 1] = "";
    if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL) {
        return terminal_fail(terminal, SHOAL_EINVAL, "backup: give an absolute path");
    }
    int len = snprintf(out, (size_t)2 * LIMIT_PATH_BYTES, "%s%s%s", here, path[0] == '/' ? "" : "/",
                       path);
    while (len > 1 && out[len - 1] == '/') {
        out[--len] = 0;
    }
    return 0;
}

static bool is_over(const struct shoal_backup *backup)
{
    return strcmp(backup->state, "copying") != 0 && strcmp(backup->state, "sealing") != 0;
}

static void show(struct progress *progress, const struct shoal_backup *backup)
{
    char text[96];
    progress->total = backup->bytes;
    if (backup->bytes == 0) {
        (void)snprintf(text, sizeof(text), "%s", backup->state);
    } else {
        (void)snprintf(text, sizeof(text), "%s, %" PRIu64 " of %" PRIu64 " MiB read", backup->state,
                       backup->bytes_done >> 20, backup->bytes >> 20);
    }
    progress_show(progress, backup->bytes_done, text);
}

/* Until it is over, or the time is up; *backup is replaced by what was heard last. */
static int watch(struct session *session, struct progress *progress, uint64_t until_us,
                 struct shoal_backup **backup)
{
    uint64_t number = (*backup)->number;
    while (!is_over(*backup)) {
        const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        show(progress, *backup);
        if (progress_now_us() >= until_us) {
            return terminal_fail(session->terminal, SHOAL_EUNKNOWN,
                                 "the backup is not done in time; the node goes on with it");
        }
        (void)nanosleep(&pause, NULL);
        struct shoal_backup *next;
        int code = shoal_backup(session->client, NULL, &session->options, &next);
        if (code != 0) {
            return session_fail(session, code);
        }
        shoal_backup_free(*backup);
        *backup = next;
        if (next->number != number) {
            return terminal_fail(session->terminal, SHOAL_EUNKNOWN,
                                 "the node that was asked has begun anew: its backup is not whole");
        }
    }
    return 0;
}

static int tell(struct session *session, const struct shoal_backup *backup, double seconds)
{
    struct terminal *terminal = session->terminal;
    if (strcmp(backup->state, "done") != 0) {
        return terminal_fail(terminal, backup->code == 0 ? SHOAL_EUNKNOWN : backup->code,
                             backup->text);
    }
    if (terminal->json) {
        json_t *counts =
            json_pack("{s:s,s:I,s:I,s:f}", "message", "Ok", "files", (json_int_t)backup->files,
                      "bytes", (json_int_t)backup->bytes, "seconds", seconds);
        bool set = json_set_bytes(counts, "path", shoal_bytes(backup->path, strlen(backup->path)));
        return terminal_print_json(terminal, terminal->out, set ? counts : NULL);
    }
    terminal_remark(terminal, "%s: %" PRIu64 " files, %" PRIu64 " bytes", backup->path,
                    backup->files, backup->bytes);
    return terminal_print_ok(terminal, (struct shoal_bytes){0});
}

static int run(struct session *session, const char *path, uint64_t patience_us)
{
    struct progress progress;
    progress_begin(&progress, session->terminal, "backup:", 0);
    struct shoal_backup *backup;
    int code = shoal_backup(session->client, path, &session->options, &backup);
    if (code != 0) {
        return session_fail(session, code);
    }
    uint64_t until_us = patience_us == 0 ? UINT64_MAX : progress.started_us + patience_us;
    int status = watch(session, &progress, until_us, &backup);
    progress_end(&progress);
    if (status == 0) {
        status = tell(session, backup, progress_seconds(&progress));
    }
    shoal_backup_free(backup);
    return status;
}

int command_backup(struct terminal *terminal, const struct invocation *invocation)
{
    char path[2 * LIMIT_PATH_BYTES];
    int status = make_absolute(terminal, invocation->arguments[0], path);
    if (status != 0) {
        return status;
    }
    struct session session;
    status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    status = run(&session, path, invocation->timeout_us);
    session_close(&session);
    return status;
}
