/* Bodies are checked whole before anything is read from them, so that what is said of the first
 * fault is where it stands; names may come with escapes, and none may come twice. */
#include "api/http/body_read.h"

#include <stdio.h>

#include "api/http/json_value.h"
#include "api/json_read.h"
#include "base/limits.h"
#include "base/text.h"
#include "shoal/error.h"

#define ENTRY_DEPTH 1u    /* {"value": */
#define COMMANDS_DEPTH 3u /* {"commands":[{"value": */

enum field {
    FIELD_KEY,
    FIELD_KEY_BASE64,
    FIELD_VALUE,
    FIELD_VALUE_BASE64,
    FIELD_TYPE,
    FIELD_COUNT,
};

static const char *const field_names[] = {"key",          "key_base64", "value",
                                          "value_base64", "cmd_type",   NULL};

struct fields {
    struct bytes values[FIELD_COUNT]; /* JSON; data NULL: not there */
};

static int say(char why[BODY_TEXT_BYTES], const char *text)
{
    (void)snprintf(why, BODY_TEXT_BYTES, "%s", text);
    return SHOAL_EINVAL;
}

/* ---- fields ---------------------------------------------------------------------------------- */

#define NAME_SHOWN 40u

static int refuse_name(struct bytes name, const char *const *known, char why[BODY_TEXT_BYTES])
{
    char text[NAME_SHOWN + 1];
    size_t len = name.len < NAME_SHOWN ? name.len : NAME_SHOWN;
    if (len > 0) {
        memcpy(text, name.data, len);
    }
    text[len] = '\0';
    const char *nearest = name.len > NAME_SHOWN ? NULL : text_nearest(text, known);
    char all[BODY_TEXT_BYTES / 2];
    text_list(known, all, sizeof(all));
    (void)snprintf(why, BODY_TEXT_BYTES, "unknown field \"%s\": %s%s%s", text,
                   nearest == NULL ? "known here: " : "did you mean \"",
                   nearest == NULL ? all : nearest, nearest == NULL ? "" : "\"?");
    return SHOAL_EINVAL;
}

/* Which of the names; -1: none. */
static int find_name(struct bytes name, const char *const *known)
{
    for (int i = 0; known[i] != NULL; i++) {
        if (bytes_equal(name, bytes_from_string(known[i]))) {
            return i;
        }
    }
    return -1;
}

/* The members of an object by name, as they stand. */
static int read_members(struct arena *arena, struct bytes object, const char *const *known,
                        struct bytes *values, char why[BODY_TEXT_BYTES])
{
    struct json_walk walk = json_walk(object);
    struct json_member member;
    while (json_next(&walk, &member)) {
        struct bytes name;
        int code = json_unescape(arena, member.name, &name);
        if (code != 0) {
            return code == SHOAL_ENOMEM ? code : refuse_name(member.name, known, why);
        }
        int at = find_name(name, known);
        if (at < 0) {
            return refuse_name(name, known, why);
        }
        if (values[at].data != NULL) {
            (void)snprintf(why, BODY_TEXT_BYTES, "\"%s\" is there twice", known[at]);
            return SHOAL_EINVAL;
        }
        values[at] = member.value;
    }
    return 0;
}

static int decode_base64(struct arena *arena, struct bytes string, struct bytes *out)
{
    struct bytes text;
    struct buffer bytes;
    int code = json_unescape(arena, string, &text);
    if (code != 0) {
        return code;
    }
    buffer_init(&bytes, 0);
    code = text_base64_decode(text, &bytes);
    if (code == 0) {
        *out = bytes.len > 0 ? arena_copy(arena, buffer_bytes(&bytes)) : bytes_make("", 0);
        code = out->data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&bytes);
    return code;
}

/* A field of bytes in base64. 0; SHOAL_EINVAL and why; SHOAL_ENOMEM. */
static int read_base64(struct arena *arena, struct bytes value, const char *name, struct bytes *out,
                       char why[BODY_TEXT_BYTES])
{
    int code = json_kind(value) == JSON_STRING ? decode_base64(arena, value, out) : SHOAL_EINVAL;
    if (code == SHOAL_EINVAL) {
        (void)snprintf(why, BODY_TEXT_BYTES, "\"%s\" is a string in base64 with its padding", name);
    }
    return code;
}

static int read_key(struct arena *arena, const struct fields *fields, struct bytes *out,
                    char why[BODY_TEXT_BYTES])
{
    struct bytes text = fields->values[FIELD_KEY];
    struct bytes base64 = fields->values[FIELD_KEY_BASE64];
    if ((text.data == NULL) == (base64.data == NULL)) {
        return say(why, text.data == NULL ? "\"key\" is missing (or \"key_base64\")"
                                          : "give \"key\" or \"key_base64\", not both");
    }
    if (base64.data != NULL) {
        return read_base64(arena, base64, "key_base64", out, why);
    }
    int code = json_kind(text) == JSON_STRING ? json_unescape(arena, text, out) : SHOAL_EINVAL;
    return code == SHOAL_EINVAL ? say(why, "\"key\" is a string; bytes that aren't text go into "
                                           "\"key_base64\"")
                                : code;
}

static int read_value(struct arena *arena, const struct fields *fields, struct bytes *out,
                      char why[BODY_TEXT_BYTES])
{
    struct bytes value = fields->values[FIELD_VALUE];
    struct bytes base64 = fields->values[FIELD_VALUE_BASE64];
    if ((value.data == NULL) == (base64.data == NULL)) {
        return say(why, value.data == NULL ? "\"value\" is missing (or \"value_base64\")"
                                           : "give \"value\" or \"value_base64\", not both");
    }
    if (base64.data != NULL) {
        return read_base64(arena, base64, "value_base64", out, why);
    }
    return json_value_store(arena, value, out);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

/* The one object that a body is, and that values stand in so deep. */
static int read_object(struct bytes body, uint32_t depth, struct bytes *object,
                       char why[BODY_TEXT_BYTES])
{
    struct json_fault fault;
    if (json_check_around(body, depth, object, &fault) != 0) {
        (void)snprintf(why, BODY_TEXT_BYTES, "the body is not JSON: line %zu, column %zu: %s",
                       fault.line, fault.column, fault.what);
        return SHOAL_EINVAL;
    }
    return json_kind(*object) == JSON_OBJECT ? 0 : say(why, "the body is a JSON object: {...}");
}

int body_read_entry(struct arena *arena, struct bytes body, struct body_entry *out,
                    char why[BODY_TEXT_BYTES])
{
    static const char *const known[] = {"key", "key_base64", "value", "value_base64", NULL};
    struct fields fields = {0};
    struct body_entry entry;
    struct bytes object;
    int code = read_object(body, ENTRY_DEPTH, &object, why);
    if (code == 0) {
        code = read_members(arena, object, known, fields.values, why);
    }
    if (code == 0) {
        code = read_key(arena, &fields, &entry.key, why);
    }
    if (code == 0) {
        code = read_value(arena, &fields, &entry.value, why);
    }
    if (code == 0) {
        *out = entry;
    }
    return code;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* The command's cmd_type as it stands; data NULL: not there. It is looked for first, since what
 * other fields a command has, its type says. */
static int find_type(struct arena *arena, struct bytes object, struct bytes *type)
{
    struct json_walk walk = json_walk(object);
    struct json_member member;
    *type = bytes_make(NULL, 0);
    while (type->data == NULL && json_next(&walk, &member)) {
        struct bytes name;
        int code = json_unescape(arena, member.name, &name);
        if (code == SHOAL_ENOMEM) {
            return code;
        }
        if (code == 0 && bytes_equal(name, bytes_from_string(field_names[FIELD_TYPE]))) {
            *type = member.value;
        }
    }
    return 0;
}

static int read_type(struct arena *arena, struct bytes object, enum body_command_type *out,
                     char why[BODY_TEXT_BYTES])
{
    static const char *const types[] = {"get", "set", "delete", NULL};
    struct bytes value;
    struct bytes text;
    int code = find_type(arena, object, &value);
    if (code != 0) {
        return code;
    }
    if (value.data == NULL) {
        return say(why, "\"cmd_type\" is missing: get, set or delete");
    }
    code = json_kind(value) == JSON_STRING ? json_unescape(arena, value, &text) : SHOAL_EINVAL;
    int at = code == 0 ? find_name(text, types) : -1;
    if (code == SHOAL_ENOMEM || at < 0) {
        return code == SHOAL_ENOMEM ? code : say(why, "unknown command");
    }
    *out = (enum body_command_type)at;
    return 0;
}

static int read_command(struct arena *arena, struct bytes value, struct body_command *out,
                        char why[BODY_TEXT_BYTES])
{
    struct fields fields = {0};
    if (json_kind(value) != JSON_OBJECT) {
        return say(why, "it is not an object: {\"cmd_type\", \"key\", \"value\"}");
    }
    *out = (struct body_command){.type = BODY_GET};
    int code = read_type(arena, value, &out->type, why);
    if (code == 0) {
        code = read_members(arena, value, field_names, fields.values, why);
    }
    if (code == 0) {
        code = read_key(arena, &fields, &out->key, why);
    }
    if (code == 0 && out->type == BODY_SET) {
        code = read_value(arena, &fields, &out->value, why);
    }
    return code;
}

static uint64_t count_items(struct bytes array)
{
    struct json_walk walk = json_walk(array);
    struct json_member item;
    uint64_t count = 0;
    while (json_next(&walk, &item)) {
        count++;
    }
    return count;
}

/* Says which command it is, unless what is said is fixed. */
static void name_command(uint64_t number, char why[BODY_TEXT_BYTES])
{
    char text[BODY_TEXT_BYTES];
    if (strcmp(why, "unknown command") != 0) {
        memcpy(text, why, sizeof(text));
        (void)snprintf(why, BODY_TEXT_BYTES, "command %llu: %.200s", (unsigned long long)number,
                       text);
    }
}

static int read_all(struct arena *arena, struct bytes array, struct body_command *commands,
                    char why[BODY_TEXT_BYTES])
{
    struct json_walk walk = json_walk(array);
    struct json_member item;
    for (uint32_t i = 0; json_next(&walk, &item); i++) {
        int code = read_command(arena, item.value, &commands[i], why);
        if (code != 0) {
            name_command(i + 1ull, why);
            return code;
        }
    }
    return 0;
}

int body_read_commands(struct arena *arena, struct bytes body, struct body_command **out,
                       uint32_t *count, char why[BODY_TEXT_BYTES])
{
    static const char *const known[] = {"commands", NULL};
    struct bytes object;
    struct bytes array = {.data = NULL};
    why[0] = '\0';
    int code = read_object(body, COMMANDS_DEPTH, &object, why);
    if (code == 0) {
        code = read_members(arena, object, known, &array, why);
    }
    if (code == 0 && (array.data == NULL || json_kind(array) != JSON_ARRAY)) {
        code = say(why, "\"commands\" is missing: an array of commands");
    }
    if (code != 0) {
        return code;
    }
    uint64_t items = count_items(array);
    if (items > LIMIT_UNIT_COMMANDS) {
        (void)snprintf(why, BODY_TEXT_BYTES,
                       "%llu commands are more than a transaction may have "
                       "(%u)",
                       (unsigned long long)items, LIMIT_UNIT_COMMANDS);
        return SHOAL_ETOOBIG;
    }
    struct body_command *commands = arena_alloc_array(arena, (size_t)items + 1, sizeof(*commands));
    if (commands == NULL) {
        return SHOAL_ENOMEM;
    }
    code = read_all(arena, array, commands, why);
    if (code == 0) {
        *out = commands;
        *count = (uint32_t)items;
    }
    return code;
}
