/* Damage and a newer format must not be taken for each other: the checksum is looked at first. */
#include "server/sealed_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "shoal/error.h"

#define CHECKSUM "checksum"
#define HEX_DIGITS 16u

static int checksum_of(const json_t *object, uint64_t *out)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = hash_xxh3(bytes_from_string(text));
    free(text);
    return 0;
}

json_t *sealed_json_of_hex(uint64_t number)
{
    char digits[HEX_DIGITS + 1];
    snprintf(digits, sizeof(digits), "%016" PRIx64, number);
    return json_string(digits);
}

int sealed_json_hex(const json_t *value, uint64_t *out)
{
    const char *digits = json_string_value(value);
    if (digits == NULL || strlen(digits) != HEX_DIGITS ||
        strspn(digits, "0123456789abcdef") != HEX_DIGITS) {
        return SHOAL_EPROTO;
    }
    *out = strtoull(digits, NULL, 16);
    return 0;
}

int sealed_json_write(json_t *object, struct buffer *out)
{
    uint64_t checksum;
    if (object == NULL) {
        return SHOAL_ENOMEM;
    }
    json_object_del(object, CHECKSUM);
    if (checksum_of(object, &checksum) != 0 ||
        json_object_set_new(object, CHECKSUM, sealed_json_of_hex(checksum)) != 0) {
        return SHOAL_ENOMEM;
    }
    char *text = json_dumps(object, JSON_INDENT(1));
    if (text == NULL) {
        return SHOAL_ENOMEM;
    }
    size_t len = strlen(text);
    int code = buffer_reserve(out, len + 1);
    if (code == 0) {
        (void)buffer_append(out, text, len);
        (void)buffer_append_u8(out, '\n');
    }
    free(text);
    return code;
}

static int check(json_t *object, json_int_t format_max)
{
    uint64_t told;
    uint64_t found;
    const json_t *format = json_object_get(object, "format");
    if (!json_is_integer(format) ||
        sealed_json_hex(json_object_get(object, CHECKSUM), &told) != 0) {
        return SHOAL_EPROTO;
    }
    json_object_del(object, CHECKSUM);
    int code = checksum_of(object, &found);
    if (code != 0) {
        return code;
    }
    if (found != told) {
        return SHOAL_EPROTO;
    }
    return json_integer_value(format) > format_max ? SHOAL_EVERSION : 0;
}

int sealed_json_read(struct bytes text, json_int_t format_max, json_t **out)
{
    json_t *object = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return SHOAL_EPROTO;
    }
    int code = check(object, format_max);
    if (code != 0) {
        json_decref(object);
        return code;
    }
    *out = object;
    return 0;
}
