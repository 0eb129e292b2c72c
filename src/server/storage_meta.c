/* A few fields as JSON, so that an operator can read them, under a checksum, so that a flipped bit
 * is seen. The checksum is over the compact, sorted text of all other fields. */
#include "server/storage_meta.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "server/sealed_json.h"
#include "server/small_file.h"
#include "shoal/error.h"

#define FORMAT 1
#define FILE_BYTES_MAX 65536u

static const char *const names[] = {
    [ENGINE_MEMORY] = "memory",
    [ENGINE_LOG] = "log",
    [ENGINE_LSM] = "lsm",
};

const char *storage_engine_name(enum config_engine engine)
{
    return names[engine];
}

static int engine_of(const char *name, enum config_engine *out)
{
    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum config_engine)i;
            return 0;
        }
    }
    return SHOAL_EPROTO;
}

static int read_fields(const json_t *json, struct storage_meta *out)
{
    struct storage_meta meta = {0};
    json_int_t partitions = json_integer_value(json_object_get(json, "partitions"));
    const json_t *behind = json_object_get(json, "behind");
    const json_t *backup = json_object_get(json, "backup");
    if (engine_of(json_string_value(json_object_get(json, "engine")), &meta.engine) != 0 ||
        partitions < 1 || partitions > LIMIT_PARTITIONS_MAX || !json_is_boolean(behind) ||
        sealed_json_hex(json_object_get(json, "id"), &meta.id) != 0) {
        return SHOAL_EPROTO;
    }
    if (!json_is_null(backup) && sealed_json_hex(backup, &meta.backup) != 0) {
        return SHOAL_EPROTO;
    }
    meta.partitions = (uint32_t)partitions;
    meta.behind = json_is_true(behind);
    *out = meta;
    return 0;
}

int storage_meta_load(int folder_fd, struct storage_meta *out)
{
    struct buffer text;
    json_t *json = NULL;
    buffer_init(&text, 0);
    int code = small_file_read(folder_fd, STORAGE_META_FILE, FILE_BYTES_MAX, &text);
    if (code == SHOAL_ETOOBIG) {
        code = SHOAL_EPROTO;
    }
    if (code == 0) {
        code = sealed_json_read(buffer_bytes(&text), FORMAT, &json);
    }
    if (code == 0) {
        code = read_fields(json, out);
    }
    json_decref(json);
    buffer_deinit(&text);
    return code;
}

int storage_meta_store(int folder_fd, const struct storage_meta *meta)
{
    json_t *json = json_pack("{s:i, s:s, s:i, s:o, s:b, s:o}", "format", FORMAT, "engine",
                             names[meta->engine], "partitions", (int)meta->partitions, "id",
                             sealed_json_of_hex(meta->id), "behind", meta->behind ? 1 : 0, "backup",
                             meta->backup == 0 ? json_null() : sealed_json_of_hex(meta->backup));
    struct buffer text;
    buffer_init(&text, 0);
    int code = sealed_json_write(json, &text);
    if (code == 0) {
        code = small_file_store(folder_fd, STORAGE_META_FILE, buffer_bytes(&text));
    }
    buffer_deinit(&text);
    json_decref(json);
    return code;
}
