/* The thread's way, step by step; and what others may see of it, under a lock. */
#include "server/backup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/keeper.h"
#include "server/backup_folder.h"
#include "server/manifest.h"
#include "server/storage_meta.h"
#include "shoal/error.h"

struct backup {
    struct backup_options options;
    struct net *net;
    pthread_mutex_t lock; /* of state, code, answered, over, begun */
    pthread_cond_t changed;
    struct native_backup_state state;
    pthread_t thread;
    bool begun; /* there is a thread to be joined */
    bool over;  /* the loops are: nobody answers any more */
    atomic_bool stopping;

    /* The engines' part, which goes through worker 0. */
    struct errand errand;
    struct request request;
    char data_path[LIMIT_PATH_BYTES + 16];
    int code;
    bool answered;

    /* The thread's own. */
    struct backup_folder folder;
    char text[NATIVE_BACKUP_TEXT_BYTES];
};

static const char *data_name_of(const struct backup *backup)
{
    return storage_engine_name((enum config_engine)backup->options.config->engine);
}

/* ---- what others see ------------------------------------------------------------------------- */

static void show(struct backup *backup, uint32_t state, int code)
{
    pthread_mutex_lock(&backup->lock);
    backup->state.state = state;
    backup->state.code = code;
    snprintf(backup->state.text, sizeof(backup->state.text), "%s", code == 0 ? "" : backup->text);
    pthread_mutex_unlock(&backup->lock);
}

static bool show_progress(void *self, uint64_t bytes_done)
{
    struct backup *backup = self;
    pthread_mutex_lock(&backup->lock);
    backup->state.bytes_done = bytes_done;
    pthread_mutex_unlock(&backup->lock);
    return !atomic_load(&backup->stopping);
}

static void show_totals(struct backup *backup, const struct manifest *manifest)
{
    pthread_mutex_lock(&backup->lock);
    backup->state.files = manifest->count;
    backup->state.bytes = manifest->bytes;
    pthread_mutex_unlock(&backup->lock);
}

static int fail(struct backup *backup, int code, const char *what, const char *why)
{
    snprintf(backup->text, sizeof(backup->text), "%s: %s", what, why);
    return code;
}

/* ---- the engines' copies --------------------------------------------------------------------- */

static void answer(struct backup *backup, int code, struct bytes text)
{
    pthread_mutex_lock(&backup->lock);
    backup->code = code;
    backup->answered = true;
    snprintf(backup->text, sizeof(backup->text), "%.*s", (int)text.len,
             text.len == 0 ? "" : (const char *)text.data);
    pthread_cond_signal(&backup->changed);
    pthread_mutex_unlock(&backup->lock);
}

static void on_done(struct request *request, const struct outcome *outcome)
{
    struct bytes text = outcome->text;
    if (outcome->code != 0 && text.len == 0) {
        text = bytes_from_string(shoal_error_text(outcome->code));
    }
    answer(request->user, outcome->code, text);
}

static void ask_engines(struct errand *errand, struct loop *loop, bool dropped)
{
    struct backup *backup = QUEUE_ITEM(errand, struct backup, errand);
    if (dropped) {
        answer(backup, SHOAL_ESHUTDOWN, bytes_from_string(shoal_error_text(SHOAL_ESHUTDOWN)));
        return;
    }
    worker_submit(loop->worker, loop_now(loop), &backup->request);
}

static int copy_data(struct backup *backup)
{
    backup->request = (struct request){
        .op = REQUEST_BACKUP,
        .key = bytes_from_string(backup->data_path),
        .done = on_done,
        .user = backup,
    };
    backup->answered = false;
    backup->errand.run = ask_engines;
    loop_errand(net_loop(backup->net, 0), &backup->errand);
    pthread_mutex_lock(&backup->lock);
    while (!backup->answered && !backup->over) {
        pthread_cond_wait(&backup->changed, &backup->lock);
    }
    int code = backup->answered ? backup->code : SHOAL_ESHUTDOWN;
    if (!backup->answered) {
        snprintf(backup->text, sizeof(backup->text), "%s", shoal_error_text(code));
    }
    pthread_mutex_unlock(&backup->lock);
    return code;
}

/* ---- what goes with them --------------------------------------------------------------------- */

static int copy_record(struct backup *backup)
{
    struct buffer record;
    buffer_init(&record, 0);
    int code = keeper_load(backup->options.folder_fd, &record);
    if (code == 0) {
        code = keeper_store(backup->folder.fd, buffer_bytes(&record));
    }
    buffer_deinit(&record);
    return code < 0 ? fail(backup, code, KEEPER_FILE " can't be copied", shoal_error_text(code))
                    : 0;
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int sum_up(struct backup *backup, struct manifest *manifest)
{
    const struct manifest_watch watch = {.self = backup, .read = show_progress};
    int code = manifest_list(manifest, backup->folder.fd, strrchr(backup->data_path, '/') + 1,
                             backup->text);
    if (code != 0) {
        return code;
    }
    show_totals(backup, manifest);
    code = manifest_sum(manifest, backup->folder.fd, &watch, backup->text);
    if (code == 0) {
        show_totals(backup, manifest);
    }
    return code;
}

/* The manifest is durable before storage.json says that this is a backup: a folder with half of it
 * is refused by every start. */
static int seal(struct backup *backup, struct manifest *manifest)
{
    struct storage_meta meta;
    int code = storage_meta_load(backup->options.folder_fd, &meta);
    if (code != 0) {
        return fail(backup, SHOAL_EIO, STORAGE_META_FILE " can't be copied",
                    shoal_error_text(code < 0 ? code : SHOAL_ENOTFOUND));
    }
    manifest->id = backup->state.number;
    manifest->time_ms = wall_ms();
    snprintf(manifest->node, sizeof(manifest->node), "%s", backup->options.config->node_name);
    snprintf(manifest->cluster, sizeof(manifest->cluster), "%s",
             backup->options.config->cluster_name);
    code = manifest_store(manifest, backup->folder.fd);
    if (code == 0) {
        meta.behind = true;
        meta.backup = manifest->id;
        code = storage_meta_store(backup->folder.fd, &meta);
    }
    return code == 0
               ? 0
               : fail(backup, code, MANIFEST_FILE " can't be written", shoal_error_text(code));
}

static int make(struct backup *backup)
{
    struct manifest manifest = {0};
    int code = backup_folder_open(&backup->folder, backup->state.path, data_name_of(backup),
                                  backup->options.config->data_dir, backup->text);
    if (code == 0) {
        code = copy_data(backup);
    }
    if (code == 0) {
        code = copy_record(backup);
    }
    if (code == 0) {
        code = backup_folder_sync_data(&backup->folder, backup->text);
    }
    if (code == 0) {
        show(backup, BACKUP_SEALING, 0);
        code = sum_up(backup, &manifest);
    }
    if (code == 0) {
        code = seal(backup, &manifest);
    }
    manifest_deinit(&manifest);
    return code;
}

static void *run(void *self)
{
    struct backup *backup = self;
    backup->folder = BACKUP_FOLDER_NONE;
    log_info("backup: begun", LOG_TEXT("folder", backup->state.path));
    int code = make(backup);
    if (code != 0) {
        backup_folder_empty(&backup->folder);
    }
    backup_folder_close(&backup->folder);
    if (code == 0) {
        log_info("backup: done", LOG_TEXT("folder", backup->state.path),
                 LOG_U64("files", backup->state.files), LOG_U64("bytes", backup->state.bytes));
    } else {
        log_error("backup: failed", LOG_TEXT("folder", backup->state.path),
                  LOG_TEXT("reason", backup->text));
    }
    show(backup, code == 0 ? BACKUP_DONE : BACKUP_FAILED, code);
    return NULL;
}

/* ---- beginning and looking ------------------------------------------------------------------- */

static bool is_running(const struct backup *backup)
{
    return backup->state.state == BACKUP_COPYING || backup->state.state == BACKUP_SEALING;
}

static int refuse(char text[NATIVE_BACKUP_TEXT_BYTES], int code, const char *why)
{
    snprintf(text, NATIVE_BACKUP_TEXT_BYTES, "%s", why);
    return code;
}

static int check(const struct backup *backup, struct bytes path,
                 char text[NATIVE_BACKUP_TEXT_BYTES])
{
    if (backup->options.config->engine == ENGINE_MEMORY) {
        return refuse(text, SHOAL_EUNSUPPORTED,
                      "this node's engine is memory, which keeps nothing on disk that could be "
                      "copied: use dump");
    }
    if (path.len == 0 || path.len > LIMIT_PATH_BYTES || path.data[0] != '/' ||
        memchr(path.data, 0, path.len) != NULL) {
        return refuse(
            text, SHOAL_EINVAL,
            "the folder must be an absolute path on the node's machine, as /backup/today");
    }
    if (atomic_load(&backup->stopping)) {
        return refuse(text, SHOAL_ESHUTDOWN, shoal_error_text(SHOAL_ESHUTDOWN));
    }
    if (is_running(backup)) {
        snprintf(text, NATIVE_BACKUP_TEXT_BYTES,
                 "a backup into %.300s is being made: one at a time", backup->state.path);
        return SHOAL_ECONFLICT;
    }
    return 0;
}

static int start_thread(struct backup *backup, struct bytes path)
{
    struct native_backup_state *state = &backup->state;
    if (backup->begun) {
        pthread_join(backup->thread, NULL); /* it has shown its end, and has nothing left to do */
        backup->begun = false;
    }
    *state = (struct native_backup_state){.state = BACKUP_COPYING};
    memcpy(state->path, path.data, path.len);
    snprintf(backup->data_path, sizeof(backup->data_path), "%s/%s", state->path,
             data_name_of(backup));
    if (random_from_kernel(&state->number, sizeof(state->number)) != 0 ||
        pthread_create(&backup->thread, NULL, run, backup) != 0) {
        *state = (struct native_backup_state){0};
        return SHOAL_EIO;
    }
    pthread_setname_np(backup->thread, "backup");
    backup->begun = true;
    return 0;
}

static int begin(void *self, struct bytes path, char text[NATIVE_BACKUP_TEXT_BYTES])
{
    struct backup *backup = self;
    pthread_mutex_lock(&backup->lock);
    int code = check(backup, path, text);
    if (code == 0 && start_thread(backup, path) != 0) {
        code = refuse(text, SHOAL_EIO, "the node can't start a thread for it");
    }
    pthread_mutex_unlock(&backup->lock);
    return code;
}

static void look(void *self, struct native_backup_state *out)
{
    struct backup *backup = self;
    pthread_mutex_lock(&backup->lock);
    *out = backup->state;
    pthread_mutex_unlock(&backup->lock);
}

struct native_backup backup_port(struct backup *backup)
{
    return (struct native_backup){.self = backup, .begin = begin, .look = look};
}

/* ---- life ------------------------------------------------------------------------------------ */

int backup_new(const struct backup_options *options, struct backup **out)
{
    struct backup *backup = mem_alloc_zeroed(1, sizeof(*backup));
    if (backup == NULL) {
        return SHOAL_ENOMEM;
    }
    backup->options = *options;
    atomic_init(&backup->stopping, false);
    pthread_mutex_init(&backup->lock, NULL);
    pthread_cond_init(&backup->changed, NULL);
    *out = backup;
    return 0;
}

void backup_attach(struct backup *backup, struct net *net)
{
    backup->net = net;
}

void backup_stop(struct backup *backup)
{
    atomic_store(&backup->stopping, true);
}

void backup_join(struct backup *backup)
{
    backup_stop(backup);
    pthread_mutex_lock(&backup->lock);
    backup->over = true;
    pthread_cond_signal(&backup->changed);
    bool begun = backup->begun;
    backup->begun = false;
    pthread_mutex_unlock(&backup->lock);
    if (begun) {
        pthread_join(backup->thread, NULL);
    }
}

void backup_free(struct backup *backup)
{
    if (backup == NULL) {
        return;
    }
    pthread_cond_destroy(&backup->changed);
    pthread_mutex_destroy(&backup->lock);
    mem_free(backup);
}
