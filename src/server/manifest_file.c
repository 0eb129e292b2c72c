/* The manifest as a file: JSON under a checksum, believed in nothing. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "server/manifest.h"
#include "server/sealed_json.h"
#include "server/small_file.h"
#include "shoal/error.h"

#define FORMAT 1
#define FILE_BYTES_MAX ((size_t)256 * LIMIT_MIB)

static json_t *files_to_json(const struct manifest *manifest)
{
    json_t *files = json_array();
    for (uint32_t i = 0; files != NULL && i < manifest->count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        json_t *item =
            json_pack("{s:s, s:I, s:o}", "name", file->name, "bytes", (json_int_t)file->bytes,
                      "xxh3", sealed_json_of_hex(file->checksum));
        if (item == NULL || json_array_append_new(files, item) != 0) {
            json_decref(files);
            return NULL;
        }
    }
    return files;
}

/* Names of nodes may be any bytes, JSON takes UTF-8. */
static const char *as_text(const char *name)
{
    return text_is_utf8(bytes_from_string(name)) ? name : "";
}

int manifest_store(const struct manifest *manifest, int folder_fd)
{
    json_t *json =
        json_pack("{s:i, s:o, s:I, s:s, s:s, s:s, s:o}", "format", FORMAT, "id",
                  sealed_json_of_hex(manifest->id), "time_ms", (json_int_t)manifest->time_ms,
                  "node", as_text(manifest->node), "cluster", as_text(manifest->cluster), "version",
                  SHOAL_VERSION, "files", files_to_json(manifest));
    struct buffer text;
    buffer_init(&text, 0);
    int code = sealed_json_write(json, &text);
    if (code == 0) {
        code = small_file_store(folder_fd, MANIFEST_FILE, buffer_bytes(&text));
    }
    buffer_deinit(&text);
    json_decref(json);
    return code;
}

/* Names come from a file that somebody else may have written: none leads out of the folder. */
static bool name_is_good(const char *name)
{
    if (name == NULL || name[0] == 0 || name[0] == '/' || strlen(name) > MANIFEST_NAME_BYTES_MAX) {
        return false;
    }
    return strcmp(name, "..") != 0 && strncmp(name, "../", 3) != 0 && strstr(name, "/../") == NULL;
}

static int read_file_of(const json_t *item, struct manifest *manifest)
{
    uint64_t checksum;
    const char *name = json_string_value(json_object_get(item, "name"));
    const json_t *bytes = json_object_get(item, "bytes");
    if (!name_is_good(name) || !json_is_integer(bytes) || json_integer_value(bytes) < 0 ||
        sealed_json_hex(json_object_get(item, "xxh3"), &checksum) != 0) {
        return SHOAL_EPROTO;
    }
    return manifest_add(manifest, name, (uint64_t)json_integer_value(bytes), checksum);
}

static void read_name(const json_t *json, const char *key, char out[256])
{
    const char *value = json_string_value(json_object_get(json, key));
    snprintf(out, 256, "%s", value == NULL ? "" : value);
}

static int read_fields(const json_t *json, struct manifest *manifest)
{
    const json_t *files = json_object_get(json, "files");
    if (sealed_json_hex(json_object_get(json, "id"), &manifest->id) != 0 || !json_is_array(files)) {
        return SHOAL_EPROTO;
    }
    manifest->time_ms = (uint64_t)json_integer_value(json_object_get(json, "time_ms"));
    read_name(json, "node", manifest->node);
    read_name(json, "cluster", manifest->cluster);
    int code = 0;
    for (size_t i = 0; i < json_array_size(files) && code == 0; i++) {
        code = read_file_of(json_array_get(files, i), manifest);
    }
    manifest_sort(manifest);
    return code;
}

int manifest_load(int folder_fd, struct manifest *out)
{
    struct buffer text;
    json_t *json = NULL;
    struct manifest manifest = {0};
    buffer_init(&text, 0);
    int code = small_file_read(folder_fd, MANIFEST_FILE, FILE_BYTES_MAX, &text);
    if (code == 0) {
        code = sealed_json_read(buffer_bytes(&text), FORMAT, &json);
    }
    if (code == 0) {
        code = read_fields(json, &manifest);
    }
    json_decref(json);
    buffer_deinit(&text);
    if (code != 0) {
        manifest_deinit(&manifest);
        return code == SHOAL_ETOOBIG ? SHOAL_EPROTO : code;
    }
    *out = manifest;
    return 0;
}
