/* Finding commands: the groups' tables put together into one hash table, once a process, as they
 * are all constant; and what is said of a command that there isn't. */
#include "api/redis/command.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/redis/reply.h"
#include "base/assert.h"

#define SLOTS 1024u /* a power of two, several times the commands */
#define COMMANDS_MAX 256u
#define QUOTED_BYTES_MAX 128u /* of a request, in an error */

static const struct command *const groups[] = {
    commands_string,
    commands_bits,
    commands_numbers,
    commands_connection,
    commands_server,
    commands_transaction,
    commands_generic,
    commands_expiry,
    commands_sweep,
    commands_shoal,
    NULL,
};

/* Made from constants by whoever is first, then only read. */
static struct {
    pthread_once_t once;
    const struct command *slots[SLOTS];
    const struct command *sorted[COMMANDS_MAX];
    uint32_t count;
} all = {.once = PTHREAD_ONCE_INIT};

/* Letters of either case give the same. Whoever asks chooses the name, but nobody chooses what is
 * in the table, so that nothing can be made slow. */
static uint32_t name_hash(const uint8_t *name, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (name[i] | 0x20u)) * 16777619u;
    }
    return hash ^ (hash >> 15);
}

static bool has_name(const struct command *command, struct bytes name)
{
    return strlen(command->name) == name.len &&
           strncasecmp(command->name, (const char *)name.data, name.len) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct command *const *)a)->name,
                  (*(const struct command *const *)b)->name);
}

static void add(const struct command *command)
{
    uint32_t slot = name_hash((const uint8_t *)command->name, strlen(command->name)) % SLOTS;
    ASSERT(all.count < COMMANDS_MAX);
    while (all.slots[slot] != NULL) {
        ASSERT(strcmp(all.slots[slot]->name, command->name) != 0);
        slot = (slot + 1) % SLOTS;
    }
    all.slots[slot] = command;
    all.sorted[all.count++] = command;
}

static void put_together(void)
{
    for (const struct command *const *group = groups; *group != NULL; group++) {
        for (const struct command *command = *group; command->name != NULL; command++) {
            add(command);
        }
    }
    qsort(all.sorted, all.count, sizeof(void *), compare_names);
}

const struct command *command_find(struct bytes name)
{
    pthread_once(&all.once, put_together);
    if (name.len == 0 || name.len >= COMMAND_NAME_BYTES) {
        return NULL;
    }
    uint32_t slot = name_hash(name.data, name.len) % SLOTS;
    while (all.slots[slot] != NULL && !has_name(all.slots[slot], name)) {
        slot = (slot + 1) % SLOTS;
    }
    return all.slots[slot];
}

const struct command *command_find_part(const struct command *container, struct bytes name)
{
    const struct command *part = container->subcommands;
    while (part != NULL && part->name != NULL && !has_name(part, name)) {
        part++;
    }
    return part == NULL || part->name == NULL ? NULL : part;
}

const struct command *const *command_all(uint32_t *count)
{
    pthread_once(&all.once, put_together);
    *count = all.count;
    return all.sorted;
}

const struct command *command_container(const struct command *command)
{
    uint32_t count;
    const struct command *const *commands = command_all(&count);
    for (uint32_t i = 0; i < count; i++) {
        const struct command *part = commands[i]->subcommands;
        while (part != NULL && part->name != NULL) {
            if (part == command) {
                return commands[i];
            }
            part++;
        }
    }
    return NULL;
}

void command_full_name(const struct command *command, char out[COMMAND_NAME_BYTES])
{
    const struct command *container = command_container(command);
    size_t len = 0;
    if (container != NULL) {
        len = strlen(container->name);
        ASSERT(len + 1 + strlen(command->name) < COMMAND_NAME_BYTES);
        memcpy(out, container->name, len);
        out[len++] = '|';
    }
    memcpy(out + len, command->name, strlen(command->name) + 1);
}

/* ---- what is called -------------------------------------------------------------------------- */

/* As much of the argument as Redis quotes: up to a NUL, and to so many bytes. */
static size_t quote(struct bytes argument, size_t len_max, char *out)
{
    size_t len = strnlen((const char *)argument.data, argument.len);
    if (len > len_max) {
        len = len_max;
    }
    memcpy(out, argument.data, len);
    return len;
}

static void refuse_unknown(const struct bytes *argv, uint32_t argc, struct reply *reply)
{
    char name[QUOTED_BYTES_MAX + 1];
    char quoted[(2 * QUOTED_BYTES_MAX) + 8];
    size_t len = 0;
    name[quote(argv[0], QUOTED_BYTES_MAX, name)] = 0;
    for (uint32_t i = 1; i < argc && len < QUOTED_BYTES_MAX; i++) {
        size_t room = QUOTED_BYTES_MAX - len;
        quoted[len++] = '\'';
        len += quote(argv[i], room, quoted + len);
        quoted[len++] = '\'';
        quoted[len++] = ' ';
    }
    quoted[len] = 0;
    reply_error_format(reply, "ERR unknown command '%s', with args beginning with: %s", name,
                       quoted);
}

static void to_upper(const char *name, char out[COMMAND_NAME_BYTES])
{
    size_t i = 0;
    for (; name[i] != 0 && i + 1 < COMMAND_NAME_BYTES; i++) {
        out[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
    }
    out[i] = 0;
}

static void refuse_unknown_part(const struct command *container, struct bytes part,
                                struct reply *reply)
{
    char name[COMMAND_NAME_BYTES];
    char quoted[QUOTED_BYTES_MAX + 1];
    to_upper(container->name, name);
    quoted[quote(part, QUOTED_BYTES_MAX, quoted)] = 0;
    reply_error_format(reply, "ERR unknown subcommand '%s'. Try %s HELP.", quoted, name);
}

/* Whatever EXEC is refused for ends the transaction, and its error says so. */
static void refuse_count(const struct command *command, struct reply *reply)
{
    char name[COMMAND_NAME_BYTES];
    command_full_name(command, name);
    reply_error_format(
        reply, "%s wrong number of arguments for '%s' command",
        strcmp(name, "exec") == 0 ? "EXECABORT Transaction discarded because of:" : "ERR", name);
}

bool command_takes(const struct command *command, uint32_t argc)
{
    return command->arity >= 0 ? argc == (uint32_t)command->arity
                               : argc >= (uint32_t)-command->arity;
}

const struct command *command_resolve(const struct bytes *argv, uint32_t argc, struct reply *reply)
{
    const struct command *command = command_find(argv[0]);
    if (command == NULL) {
        refuse_unknown(argv, argc, reply);
        return NULL;
    }
    if (command->subcommands != NULL && argc > 1) {
        const struct command *part = command_find_part(command, argv[1]);
        if (part == NULL) {
            refuse_unknown_part(command, argv[1], reply);
            return NULL;
        }
        command = part;
    }
    if (!command_takes(command, argc)) {
        refuse_count(command, reply);
        return NULL;
    }
    return command;
}
