/* See redis_rig.h. What must never happen aborts: a test that uses it wrongly is no test. */
#include "support/redis_rig.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"

void redis_rig_init(struct redis_rig *rig, const struct command *const *tables)
{
    *rig = (struct redis_rig){.now_ms = 1700000000000, .tables = tables};
    arena_init(&rig->memory, 1u << 20);
    buffer_init(&rig->out, 0);
    buffer_init(&rig->shown, 0);
}

static void drop(struct redis_rig *rig, uint32_t at)
{
    mem_free((void *)(uintptr_t)rig->values[at].key.data);
    mem_free((void *)(uintptr_t)rig->values[at].value.data);
    rig->values[at] = rig->values[--rig->count];
}

void redis_rig_deinit(struct redis_rig *rig)
{
    while (rig->count > 0) {
        drop(rig, 0);
    }
    arena_deinit(&rig->memory);
    buffer_deinit(&rig->out);
    buffer_deinit(&rig->shown);
}

static uint32_t find(const struct redis_rig *rig, struct bytes key)
{
    uint32_t at = 0;
    while (at < rig->count && !bytes_equal(rig->values[at].key, key)) {
        at++;
    }
    return at;
}

static const struct command *command_of(const struct redis_rig *rig, const struct bytes *argv,
                                        uint32_t argc)
{
    for (size_t i = 0; rig->tables[i] != NULL; i++) {
        for (const struct command *command = rig->tables[i]; command->name != NULL; command++) {
            if (redis_is(argv[0], command->name)) {
                return command->subcommands != NULL && argc > 1
                           ? command_find_part(command, argv[1])
                           : command;
            }
        }
    }
    ASSERT(false);
    return NULL;
}

/* ---- cells ---- */

static void fill(struct redis_rig *rig, struct unit_cell *cell)
{
    uint32_t at = find(rig, cell->key);
    if (at == rig->count || cell->blind) {
        return;
    }
    const struct redis_rig_value *held = &rig->values[at];
    if (held->expiry_ms != 0 && held->expiry_ms <= rig->now_ms) {
        return;
    }
    cell->found = true;
    cell->value = held->value;
    cell->expiry_ms = held->expiry_ms;
    cell->siblings = 1;
    cell->version = 1;
}

static struct bytes copy(struct bytes bytes)
{
    return bytes_make(mem_copy_string((const char *)bytes.data, bytes.len), bytes.len);
}

/* What was found was borrowed for the run: nothing that is written may lie there. */
static void expect_own(const struct redis_rig *rig, struct bytes value)
{
    for (uint32_t i = 0; i < rig->count && value.len > 0; i++) {
        const struct redis_rig_value *held = &rig->values[i];
        ASSERT(value.data + value.len <= held->value.data ||
               value.data >= held->value.data + held->value.len);
    }
}

static void apply(struct redis_rig *rig, const struct unit_cell *cell)
{
    if (cell->change == UNIT_KEEP) {
        return;
    }
    expect_own(rig, cell->value);
    ASSERT(cell->found == (cell->change == UNIT_PUT));
    struct redis_rig_value made = {.key = copy(cell->key), .expiry_ms = cell->expiry_ms};
    made.value = cell->found ? copy(cell->value) : bytes_make(NULL, 0);
    uint32_t at = find(rig, cell->key);
    if (at < rig->count) {
        drop(rig, at);
    }
    if (cell->found) {
        ASSERT(rig->count < REDIS_RIG_KEYS);
        rig->values[rig->count++] = made;
    } else {
        mem_free((void *)(uintptr_t)made.key.data);
    }
    rig->changes++;
}

static void make_cells(struct redis_rig *rig, struct redis_call *call)
{
    const struct command *command = call->command;
    bool blind =
        command->blind && (command->looks == NULL || !command->looks(call->argv, call->argc));
    uint32_t first = 0;
    uint32_t step = 1;
    uint32_t count = redis_keys_of(command, call->argc, &first, &step);
    void *memory = arena_alloc(&rig->memory, redis_cells_bytes(count));
    redis_cells_init(call->cells, memory, count);
    for (uint32_t i = 0; i < count; i++) {
        redis_cells_take(call->cells, call->argv[first + i * step])->blind = blind;
    }
    for (uint32_t i = 0; i < call->cells->count; i++) {
        fill(rig, &call->cells->items[i]);
    }
}

/* ---- lines and replies ---- */

const char *redis_rig_show(struct bytes reply, struct buffer *shown)
{
    buffer_clear(shown);
    size_t len = reply.len;
    ASSERT(len >= 2 && memcmp(reply.data + len - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < len - 2; i++) {
        uint8_t byte = reply.data[i];
        char text[8];
        if (byte == '\r' && reply.data[i + 1] == '\n') {
            text[0] = ' ';
            text[1] = '\0';
            i++;
        } else {
            (void)snprintf(text, sizeof(text), isprint(byte) ? "%c" : "\\x%02x", byte);
        }
        ASSERT(buffer_append(shown, text, strlen(text)) == 0);
    }
    ASSERT(buffer_append_u8(shown, 0) == 0);
    return (const char *)shown->data;
}

const char *redis_rig_run_arguments(struct redis_rig *rig, const struct bytes *argv, uint32_t argc)
{
    buffer_clear(&rig->out);
    struct reply reply = {.out = &rig->out, .resp3 = rig->resp3};
    struct redis_cells cells;
    struct redis_call call = {.command = command_of(rig, argv, argc),
                              .argv = argv,
                              .argc = argc,
                              .reply = &reply,
                              .cells = &cells,
                              .memory = &rig->memory,
                              .now_ms = rig->now_ms,
                              .value_bytes_max = rig->value_bytes_max};
    const int8_t arity = call.command->arity;
    ASSERT(arity > 0 ? (int64_t)argc == arity : (int64_t)argc >= -arity);
    make_cells(rig, &call);
    call.command->run(&call);
    rig->changes = 0;
    for (uint32_t i = 0; i < cells.count; i++) {
        apply(rig, &cells.items[i]);
    }
    arena_reset(&rig->memory);
    return redis_rig_show(buffer_bytes(&rig->out), &rig->shown);
}

/* A word is unescaped in place; returns where it ends. */
static char *take_word(char *at, struct bytes *word)
{
    bool quoted = *at == '"';
    char *to = at += quoted ? 1 : 0;
    const char *start = at;
    while (*at != '\0' && *at != (quoted ? '"' : ' ')) {
        if (at[0] == '\\' && at[1] == 'x') {
            char digits[3] = {at[2], at[3], '\0'};
            *to++ = (char)(unsigned char)strtoul(digits, NULL, 16);
            at += 4;
        } else {
            *to++ = *at++;
        }
    }
    *word = bytes_make(start, (size_t)(to - start));
    return at + (quoted ? 1 : 0);
}

uint32_t redis_rig_words(char *line, struct bytes words[REDIS_RIG_ARGUMENTS])
{
    uint32_t count = 0;
    while (*line != '\0') {
        ASSERT(count < REDIS_RIG_ARGUMENTS);
        line = take_word(line, &words[count++]);
        line += *line == ' ' ? 1 : 0;
    }
    return count;
}

const char *redis_rig_run(struct redis_rig *rig, const char *line)
{
    char *copied = mem_copy_string(line, strlen(line));
    struct bytes *argv = mem_alloc(REDIS_RIG_ARGUMENTS * sizeof(argv[0]));
    ASSERT(copied != NULL && argv != NULL);
    uint32_t argc = redis_rig_words(copied, argv);
    const char *shown = redis_rig_run_arguments(rig, argv, argc);
    mem_free(argv);
    mem_free(copied);
    return shown;
}

/* ---- what is held ---- */

uint64_t redis_rig_expiry(const struct redis_rig *rig, const char *key)
{
    uint32_t at = find(rig, bytes_from_string(key));
    return at < rig->count ? rig->values[at].expiry_ms : 0;
}

struct bytes redis_rig_value(const struct redis_rig *rig, const char *key)
{
    uint32_t at = find(rig, bytes_from_string(key));
    return at < rig->count ? rig->values[at].value : bytes_make(NULL, 0);
}
