/* What both tools share: whose data it is, and that nobody uses it. */
#include "server/offline.h"

#include <inttypes.h>
#include <string.h>

#include "server/data_folder.h"
#include "server/manifest.h"
#include "server/storage_kind.h"
#include "server/storage_meta.h"
#include "shoal/error.h"

struct tool {
    const char *data_dir;
    FILE *out;
    FILE *err;
    struct data_folder folder;
    struct storage_meta meta;
    const struct storage_kind *kind;
    char path[CONFIG_PATH_BYTES + 16];
};

static int give_up(const struct tool *tool, const char *why)
{
    fprintf(tool->err, "shoal-server: %s\n", why);
    return OFFLINE_CAN_NOT;
}

static int load_meta(struct tool *tool)
{
    char text[CONFIG_PATH_BYTES + 256];
    int code = storage_meta_load(tool->folder.fd, &tool->meta);
    if (code != 0) {
        snprintf(text, sizeof(text), "%s/" STORAGE_META_FILE ": %s", tool->data_dir,
                 code == 1                ? "it isn't there: is this a node's data_dir?"
                 : code == SHOAL_EVERSION ? "made by a newer version of Shoal: use that version"
                 : code == SHOAL_EPROTO   ? "it is damaged"
                                          : shoal_error_text(code));
        give_up(tool, text);
        return code == SHOAL_EPROTO ? OFFLINE_DAMAGED : OFFLINE_CAN_NOT;
    }
    tool->kind = storage_kind_of(tool->meta.engine);
    if (tool->kind == NULL) {
        return give_up(tool, "the data is of engine lsm, which this build has not");
    }
    snprintf(tool->path, sizeof(tool->path), "%s/%s", tool->data_dir,
             storage_engine_name(tool->meta.engine));
    return OFFLINE_FINE;
}

/* 0, or the exit status. A lock is made only in a folder that is a node's. */
static int tool_open(struct tool *tool, bool to_write)
{
    char text[512];
    tool->folder = DATA_FOLDER_NONE;
    if (data_folder_open_existing(tool->data_dir, &tool->folder, text) != 0) {
        return give_up(tool, text);
    }
    int status = load_meta(tool);
    if (status == OFFLINE_FINE && to_write) {
        data_folder_close(&tool->folder);
        if (data_folder_open(tool->data_dir, &tool->folder, text) != 0) {
            return give_up(tool, text);
        }
    }
    if (status != OFFLINE_FINE) {
        data_folder_close(&tool->folder);
    }
    return status;
}

/* ---- verifying ------------------------------------------------------------------------------- */

/* Of a backup, or of a copy of one that wasn't started yet: every file against the manifest, too.
 */
static int verify_manifest(const struct tool *tool)
{
    struct manifest manifest;
    char text[MANIFEST_TEXT_BYTES] = "";
    int code = manifest_load(tool->folder.fd, &manifest);
    if (code == 1) {
        if (tool->meta.backup == 0) {
            return OFFLINE_FINE;
        }
        fprintf(tool->out, MANIFEST_FILE ": missing, and this is the copy of a backup\n");
        return OFFLINE_DAMAGED;
    }
    if (code != 0) {
        fprintf(tool->out, MANIFEST_FILE ": %s\n", shoal_error_text(code));
        return code == SHOAL_EPROTO ? OFFLINE_DAMAGED : OFFLINE_CAN_NOT;
    }
    code = manifest_verify(&manifest, tool->folder.fd, storage_engine_name(tool->meta.engine), NULL,
                           text);
    if (code == 0) {
        fprintf(tool->out, "%u files as " MANIFEST_FILE " has them\n", manifest.count);
    } else {
        fprintf(tool->out, "%s\n", text);
    }
    manifest_deinit(&manifest);
    return code == 0 ? OFFLINE_FINE : code == SHOAL_EDAMAGED ? OFFLINE_DAMAGED : OFFLINE_CAN_NOT;
}

static int verify_data(const struct tool *tool)
{
    struct storage_verdict verdict = {.out = tool->out};
    char text[STORAGE_TEXT_BYTES] = "";
    int code = tool->kind->verify(tool->path, tool->meta.partitions, &verdict, text);
    if (code != 0) {
        give_up(tool, text);
        return code == SHOAL_EDAMAGED ? OFFLINE_DAMAGED : OFFLINE_CAN_NOT;
    }
    fprintf(tool->out, "%s\n", verdict.summary);
    return verdict.damaged == 0 ? OFFLINE_FINE : OFFLINE_DAMAGED;
}

int offline_verify(const char *data_dir, FILE *out, FILE *err)
{
    struct tool tool = {.data_dir = data_dir, .out = out, .err = err};
    int status = tool_open(&tool, false);
    if (status != OFFLINE_FINE) {
        return status;
    }
    int manifest_status = verify_manifest(&tool);
    int data_status = verify_data(&tool);
    data_folder_close(&tool.folder);
    status = manifest_status != OFFLINE_FINE ? manifest_status : data_status;
    fprintf(out, "%s: %s\n", data_dir,
            status == OFFLINE_FINE      ? "all fine"
            : status == OFFLINE_DAMAGED ? "DAMAGED: what is damaged is not served; a member of a "
                                          "cluster gets it again from the others"
                                        : "could not be verified");
    return status;
}

/* ---- compacting ------------------------------------------------------------------------------ */

static uint64_t bytes_on_disk(const struct tool *tool)
{
    struct manifest files = {0};
    char text[MANIFEST_TEXT_BYTES];
    uint64_t bytes = 0;
    if (manifest_list(&files, tool->folder.fd, storage_engine_name(tool->meta.engine), text) == 0) {
        bytes = files.bytes;
    }
    manifest_deinit(&files);
    return bytes;
}

int offline_compact(const char *data_dir, FILE *out, FILE *err)
{
    struct tool tool = {.data_dir = data_dir, .out = out, .err = err};
    char text[STORAGE_TEXT_BYTES] = "";
    int status = tool_open(&tool, true);
    if (status != OFFLINE_FINE) {
        return status;
    }
    if (tool.meta.backup != 0) {
        status = give_up(&tool, "this is a backup, or a copy of one that was never started: it "
                                "stays as it is");
    } else {
        uint64_t before = bytes_on_disk(&tool);
        int code = tool.kind->compact(tool.path, tool.meta.partitions, text);
        fprintf(out, "%s: %" PRIu64 " bytes before, %" PRIu64 " after\n", data_dir, before,
                bytes_on_disk(&tool));
        status = code == 0 ? OFFLINE_FINE : give_up(&tool, text);
    }
    data_folder_close(&tool.folder);
    return status;
}
