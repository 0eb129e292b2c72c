/* Bodies of /data and /v1/execute. What is taken lies in the body or in memory of its own; whatever
 * is stored of a value comes back as JSON that says the same, and reading that again stores the
 * same; what is JSON to the reader can be walked to its end. */
#include "api/http/body_read.h"
#include "api/http/json_value.h"
#include "api/json_read.h"
#include "api/json_write.h"
#include "base/assert.h"
#include "base/text.h"
#include "fuzz.h"
#include "shoal/error.h"

/* Every value in it, by turns into arrays and objects; sizes add up to no more than the whole. */
static void walk(struct arena *arena, struct bytes value, uint32_t depth)
{
    enum json_kind kind = json_kind(value);
    struct bytes text;
    if (kind == JSON_STRING) {
        int code = json_unescape(arena, value, &text);
        ASSERT(code == SHOAL_EINVAL || (code == 0 && text_is_utf8(text)));
    }
    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        return;
    }
    ASSERT(depth < JSON_DEPTH_MAX);
    struct json_walk at = json_walk(value);
    struct json_member member;
    size_t sum = 0;
    while (json_next(&at, &member)) {
        ASSERT((member.name.data != NULL) == (kind == JSON_OBJECT));
        ASSERT(member.value.len > 0);
        sum += member.name.len + member.value.len;
        ASSERT(sum < value.len);
        walk(arena, member.value, depth + 1);
    }
}

/* Stored bytes --> JSON --> stored bytes. Blanks around JSON and base64's name are given up. */
static void check_value(struct arena *arena, struct bytes stored)
{
    struct buffer json;
    struct bytes value;
    struct bytes again;
    struct bytes inner = stored;
    buffer_init(&json, 0);
    bool is_json = json_check(stored, &inner, NULL) == 0;
    ASSERT(json_value_item(&json, stored) == 0);
    ASSERT(json_check(buffer_bytes(&json), &value, NULL) == 0);
    ASSERT(value.len == json.len);
    ASSERT(json_value_store(arena, value, &again) == 0);
    if (is_json || text_is_utf8(stored)) {
        struct buffer twice;
        buffer_init(&twice, 0);
        ASSERT(json_value_item(&twice, again) == 0);
        /* A string that needs no quotes loses them; shown it is the same string. */
        ASSERT(json_check(buffer_bytes(&twice), &again, NULL) == 0);
        ASSERT(json_kind(again) == json_kind(value));
        ASSERT(json_kind(value) == JSON_STRING || bytes_equal(again, value));
        buffer_deinit(&twice);
    } else {
        ASSERT(json_kind(value) == JSON_OBJECT);
    }
    buffer_deinit(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_make(data, size);
    struct arena arena;
    struct body_entry entry;
    struct body_command *commands;
    struct json_fault fault;
    struct bytes value;
    uint32_t count;
    char why[BODY_TEXT_BYTES] = "";
    arena_init(&arena, 0);
    int code = json_check(input, &value, &fault);
    ASSERT(code == 0 || (fault.what != NULL && fault.line > 0 && fault.column > 0));
    if (code == 0) {
        walk(&arena, value, 0);
    }
    check_value(&arena, input);
    code = body_read_entry(&arena, input, &entry, why);
    ASSERT(code == 0 || (code == SHOAL_EINVAL && why[0] != 0));
    if (code == 0) {
        check_value(&arena, entry.key);
        check_value(&arena, entry.value);
    }
    why[0] = 0;
    code = body_read_commands(&arena, input, &commands, &count, why);
    ASSERT(code == 0 || ((code == SHOAL_EINVAL || code == SHOAL_ETOOBIG) && why[0] != 0));
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        ASSERT((commands[i].type == BODY_SET) == (commands[i].value.data != NULL));
        check_value(&arena, commands[i].key);
    }
    arena_deinit(&arena);
    return 0;
}

static void append(struct buffer *out, const char *text)
{
    ASSERT(buffer_append(out, text, strlen(text)) == 0);
}

static const char *any_of(struct random *random, const char *const *texts, uint64_t count)
{
    return texts[random_below(random, count)];
}

#define ANY_OF(random, texts) any_of(random, texts, sizeof(texts) / sizeof((texts)[0]))

static void append_value(struct random *random, struct buffer *out, uint32_t depth)
{
    static const char *const scalars[] = {
        "null",     "true", "-1.50e+3", "12345678901234567890",
        "\"x\"",    "\"\"", "\"12\"",   "\"\\u00e9\\ud83d\\ude00\"",
        "\"\\\\\"", "0",    "\"{}\"",   "\"\\ud800\""};
    uint64_t kind = random_below(random, depth > 4 ? 1 : 4);
    if (kind < 2) {
        append(out, ANY_OF(random, scalars));
        return;
    }
    uint64_t count = random_below(random, 4);
    append(out, kind == 2 ? "[" : "{ ");
    for (uint64_t i = 0; i < count; i++) {
        append(out, i == 0 ? "" : " ,");
        append(out, kind == 2 ? "" : "\"a\\n\": ");
        append_value(random, out, depth + 1);
    }
    append(out, kind == 2 ? "]" : "}");
}

static void append_entry(struct random *random, struct buffer *out, bool command)
{
    static const char *const keys[] = {"\"key\":\"k\"", "\"key\":\"\\u0000\"",
                                       "\"key_base64\":\"/w==\""};
    static const char *const types[] = {"get", "set", "delete", "set", "incr"};
    append(out, "{");
    append(out, ANY_OF(random, keys));
    if (command) {
        append(out, ",\"cmd_type\":\"");
        append(out, ANY_OF(random, types));
        append(out, "\"");
    }
    if (random_below(random, 8) == 0) {
        append(out, ",\"value_base64\":\"AAEC\"");
    } else {
        append(out, ",\"value\":");
        append_value(random, out, 0);
    }
    append(out, "}");
}

/* An entry, or a few commands. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    (void)arena;
    uint64_t count = random_below(random, 5);
    if (random_below(random, 2) == 0) {
        append_entry(random, out, false);
        return;
    }
    append(out, "{\"commands\": [");
    for (uint64_t i = 0; i < count; i++) {
        append(out, i == 0 ? "" : ",\n");
        append_entry(random, out, true);
    }
    append(out, "]}");
}
