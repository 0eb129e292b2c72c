/* Records as lines of JSON, strictly: a field nobody knows or one that is given twice is an error,
 * since it is more likely a mistake than a wish to have data dropped. */
#include "cli/record.h"

#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "cli/terminal.h"
#include "report/bytes_json.h"

static const char *const fields[] = {"key", "key_base64", "value", "value_base64", NULL};

static int check_fields(json_t *object, char why[RECORD_WHY_BYTES])
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        bool known = false;
        for (size_t i = 0; fields[i] != NULL; i++) {
            known = known || strcmp(name, fields[i]) == 0;
        }
        if (known && json_is_string(value)) {
            continue;
        }
        const char *nearest = known ? NULL : text_nearest(name, fields);
        (void)snprintf(why, RECORD_WHY_BYTES,
                       known ? "\"%.64s\" is no string" : "unknown field \"%.64s\"", name);
        if (nearest != NULL) {
            size_t len = strlen(why);
            (void)snprintf(why + len, RECORD_WHY_BYTES - len, ": did you mean \"%s\"?", nearest);
        }
        return SHOAL_EINVAL;
    }
    return 0;
}

/* One of a pair of fields, of which exactly one must be there. */
static int take_field(json_t *object, const char *name, const char *name_base64, struct buffer *out,
                      char why[RECORD_WHY_BYTES])
{
    json_t *plain = json_object_get(object, name);
    json_t *encoded = json_object_get(object, name_base64);
    if ((plain == NULL) == (encoded == NULL)) {
        (void)snprintf(why, RECORD_WHY_BYTES, "give either \"%s\" or \"%s\"", name, name_base64);
        return SHOAL_EINVAL;
    }
    json_t *given = plain != NULL ? plain : encoded;
    struct bytes text = bytes_make(json_string_value(given), json_string_length(given));
    int error = plain != NULL ? buffer_append_bytes(out, text) : text_base64_decode(text, out);
    if (error == SHOAL_EINVAL) {
        (void)snprintf(why, RECORD_WHY_BYTES, "\"%s\" is not base64", name_base64);
    } else if (error != 0) {
        (void)snprintf(why, RECORD_WHY_BYTES, "out of memory");
    }
    return error;
}

/* Is it certainly no object? Said without taking it apart, which takes long for a long line of
 * rubbish. */
static bool begins_otherwise(struct bytes line)
{
    size_t blank = 0;
    while (blank < line.len && (line.data[blank] == ' ' || line.data[blank] == '\t')) {
        blank++;
    }
    return blank < line.len && line.data[blank] != '{';
}

int record_read(struct bytes line, struct buffer *key, struct buffer *value,
                char why[RECORD_WHY_BYTES])
{
    if (begins_otherwise(line)) {
        (void)snprintf(why, RECORD_WHY_BYTES, "no record: {\"key\":...,\"value\":...} is wanted");
        return SHOAL_EINVAL;
    }
    json_error_t fault;
    json_t *object = json_loadb((const char *)line.data, line.len,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (object == NULL) {
        (void)snprintf(why, RECORD_WHY_BYTES, "no JSON: %.160s (column %d)", fault.text,
                       fault.column);
        return SHOAL_EINVAL;
    }
    int error = check_fields(object, why);
    if (error == 0) {
        error = take_field(object, "key", "key_base64", key, why);
    }
    if (error == 0) {
        error = take_field(object, "value", "value_base64", value, why);
    }
    json_decref(object);
    return error;
}

int record_write(FILE *file, const struct shoal_entry *entry)
{
    json_t *object = json_object();
    struct shoal_bytes value = entry->value.data == NULL ? shoal_bytes("", 0) : entry->value;
    int error = SHOAL_ENOMEM;
    if (object != NULL && json_set_bytes(object, "key", entry->key) &&
        json_set_bytes(object, "value", value)) {
        error =
            json_dumpf(object, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF ? 0 : SHOAL_EIO;
    }
    json_decref(object);
    return error;
}
