/* COMMAND and its parts: the table of commands as clients ask for it, and HELP. Everything said
 * here comes from the table, so that it is true of what there is. */
#include "api/redis/documents.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/redis/connection.h"
#include "api/redis/session.h"
#include "api/redis/syntax.h"
#include "base/glob.h"
#include "shoal/error.h"

static const struct {
    uint32_t flag;
    const char *name;
} flag_names[] = {
    {COMMAND_WRITE, "write"},
    {COMMAND_READONLY, "readonly"},
    {COMMAND_DENYOOM, "denyoom"},
    {COMMAND_ADMIN, "admin"},
    {COMMAND_PUBSUB, "pubsub"},
    {COMMAND_NOSCRIPT, "noscript"},
    {COMMAND_LOADING, "loading"},
    {COMMAND_STALE, "stale"},
    {COMMAND_SKIP_MONITOR, "skip_monitor"},
    {COMMAND_SKIP_SLOWLOG, "skip_slowlog"},
    {COMMAND_FAST, "fast"},
    {COMMAND_NO_AUTH, "no_auth"},
    {COMMAND_NO_MULTI, "no_multi"},
    {COMMAND_MOVABLEKEYS, "movablekeys"},
    {COMMAND_ALLOW_BUSY, "allow_busy"},
};

#define FLAG_NAMES (sizeof(flag_names) / sizeof(flag_names[0]))

static uint32_t count_parts(const struct command *command)
{
    uint32_t count = 0;
    const struct command *part = command->subcommands;
    while (part != NULL && part[count].name != NULL) {
        count++;
    }
    return count;
}

/* "config", "config|get"; NULL: there is none. */
static const struct command *find_full(struct bytes name)
{
    const uint8_t *bar = name.len == 0 ? NULL : memchr(name.data, '|', name.len);
    if (bar == NULL) {
        return command_find(name);
    }
    size_t len = (size_t)(bar - name.data);
    const struct command *container = command_find(bytes_make(name.data, len));
    return container == NULL
               ? NULL
               : command_find_part(container, bytes_make(bar + 1, name.len - len - 1));
}

static void reply_name(struct reply *reply, const struct command *command)
{
    char name[COMMAND_NAME_BYTES];
    command_full_name(command, name);
    reply_bulk_text(reply, name);
}

/* ---- COMMAND INFO ---------------------------------------------------------------------------- */

static void reply_flags(struct reply *reply, uint32_t flags)
{
    uint32_t count = 0;
    for (size_t i = 0; i < FLAG_NAMES; i++) {
        count += (flags & flag_names[i].flag) != 0;
    }
    reply_set(reply, count);
    for (size_t i = 0; i < FLAG_NAMES; i++) {
        if ((flags & flag_names[i].flag) != 0) {
            reply_simple(reply, flag_names[i].name);
        }
    }
}

/* The words of a text with a space between each. */
static void reply_words(struct reply *reply, const char *text)
{
    uint32_t count = text[0] != 0;
    for (const char *at = text; *at != 0; at++) {
        count += *at == ' ';
    }
    reply_set(reply, count);
    while (count-- > 0) {
        char word[COMMAND_NAME_BYTES];
        size_t len = strcspn(text, " ");
        if (len >= sizeof(word)) {
            len = sizeof(word) - 1;
        }
        memcpy(word, text, len);
        word[len] = 0;
        reply_simple(reply, word);
        text += strcspn(text, " ");
        text += *text == ' ';
    }
}

/* What is done to the keys, in Redis's words. */
static void reply_key_flags(struct reply *reply, const struct command *command, bool blind)
{
    bool removes = strcmp(command->name, "del") == 0 || strcmp(command->name, "unlink") == 0;
    if ((command->flags & COMMAND_WRITE) == 0) {
        reply_words(reply, strcmp(command->name, "exists") == 0 ? "RO" : "RO access");
    } else if (removes) {
        reply_words(reply, "RM delete");
    } else {
        reply_words(reply, blind ? "OW update" : "RW access update");
    }
}

static void reply_key_specs(struct reply *reply, const struct command *command)
{
    if (command->first_key == 0) {
        reply_set(reply, 0);
        return;
    }
    int last = command->last_key < 0 ? command->last_key : command->last_key - command->first_key;
    reply_set(reply, 1);
    reply_map(reply, 3);
    reply_bulk_text(reply, "flags");
    reply_key_flags(reply, command, command->blind && command->looks == NULL);
    reply_bulk_text(reply, "begin_search");
    reply_map(reply, 2);
    reply_bulk_text(reply, "type");
    reply_bulk_text(reply, "index");
    reply_bulk_text(reply, "spec");
    reply_map(reply, 1);
    reply_bulk_text(reply, "index");
    reply_integer(reply, command->first_key);
    reply_bulk_text(reply, "find_keys");
    reply_map(reply, 2);
    reply_bulk_text(reply, "type");
    reply_bulk_text(reply, "range");
    reply_bulk_text(reply, "spec");
    reply_map(reply, 3);
    reply_bulk_text(reply, "lastkey");
    reply_integer(reply, last);
    reply_bulk_text(reply, "keystep");
    reply_integer(reply, command->key_step);
    reply_bulk_text(reply, "limit");
    reply_integer(reply, 0);
}

/* Of a command and, within it, of its parts. */
static void reply_info_head(struct reply *reply, const struct command *command)
{
    reply_array(reply, 10);
    reply_name(reply, command);
    reply_integer(reply, command->arity);
    reply_flags(reply, command->flags);
    reply_integer(reply, command->first_key);
    reply_integer(reply, command->last_key);
    reply_integer(reply, command->key_step);
    reply_words(reply, command->acl);
    reply_set(reply, 0); /* tips */
    reply_key_specs(reply, command);
}

static void reply_info(struct reply *reply, const struct command *command)
{
    if (command == NULL) {
        reply_null(reply);
        return;
    }
    uint32_t parts = count_parts(command);
    reply_info_head(reply, command);
    reply_array(reply, parts);
    for (uint32_t i = 0; i < parts; i++) {
        reply_info_head(reply, &command->subcommands[i]);
        reply_array(reply, 0);
    }
}

void redis_run_command(struct redis_call *call)
{
    uint32_t count;
    const struct command *const *commands = command_all(&count);
    reply_array(call->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_info(call->reply, commands[i]);
    }
}

static void run_command_info(struct redis_call *call)
{
    if (call->argc == 2) {
        redis_run_command(call);
        return;
    }
    reply_array(call->reply, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) {
        reply_info(call->reply, find_full(call->argv[i]));
    }
}

static void run_command_count(struct redis_call *call)
{
    uint32_t count;
    command_all(&count);
    reply_integer(call->reply, count);
}

/* ---- COMMAND DOCS ---------------------------------------------------------------------------- */

static uint32_t count_nodes(const struct syntax_node *node)
{
    uint32_t count = 0;
    for (; node != NULL; node = node->next) {
        count++;
    }
    return count;
}

static void reply_arguments(struct reply *reply, const struct syntax_node *node);

static void reply_argument(struct reply *reply, const struct syntax_node *node)
{
    const char *type = syntax_type(node);
    bool key = strcmp(type, "key") == 0;
    uint32_t flags = (uint32_t)node->optional + node->multiple;
    reply_map(reply, 2u + key + (node->token.len > 0) + (flags > 0) + (node->first != NULL));
    reply_bulk_text(reply, "name");
    reply_bulk(reply, node->name);
    reply_bulk_text(reply, "type");
    reply_bulk_text(reply, type);
    if (key) {
        reply_bulk_text(reply, "key_spec_index");
        reply_integer(reply, 0);
    }
    if (node->token.len > 0) {
        reply_bulk_text(reply, "token");
        reply_bulk(reply, node->token);
    }
    if (flags > 0) {
        reply_bulk_text(reply, "flags");
        reply_set(reply, flags);
        if (node->optional) {
            reply_simple(reply, "optional");
        }
        if (node->multiple) {
            reply_simple(reply, "multiple");
        }
    }
    if (node->first != NULL) {
        reply_bulk_text(reply, "arguments");
        reply_arguments(reply, node->first);
    }
}

static void reply_arguments(struct reply *reply, const struct syntax_node *node)
{
    reply_array(reply, count_nodes(node));
    for (; node != NULL; node = node->next) {
        reply_argument(reply, node);
    }
}

/* Without its parts. */
static void reply_docs_head(struct reply *reply, const struct command *command, bool is_part,
                            bool has_parts)
{
    struct arena arena;
    arena_init(&arena, 0);
    const struct syntax_node *arguments =
        has_parts ? NULL : syntax_read(&arena, command->syntax, 1u + is_part);
    reply_map(reply, 4u + has_parts + (arguments != NULL));
    reply_bulk_text(reply, "summary");
    reply_bulk_text(reply, command->summary);
    reply_bulk_text(reply, "since");
    reply_bulk_text(reply, command->since);
    reply_bulk_text(reply, "group");
    reply_bulk_text(reply, command->group);
    reply_bulk_text(reply, "complexity");
    reply_bulk_text(reply, command->complexity);
    if (arguments != NULL) {
        reply_bulk_text(reply, "arguments");
        reply_arguments(reply, arguments);
    }
    arena_deinit(&arena);
}

static void reply_docs(struct reply *reply, const struct command *command)
{
    uint32_t parts = count_parts(command);
    reply_name(reply, command);
    reply_docs_head(reply, command, command_container(command) != NULL, parts > 0);
    if (parts == 0) {
        return;
    }
    reply_bulk_text(reply, "subcommands");
    reply_map(reply, parts);
    for (uint32_t i = 0; i < parts; i++) {
        reply_name(reply, &command->subcommands[i]);
        reply_docs_head(reply, &command->subcommands[i], true, false);
    }
}

static void run_command_docs(struct redis_call *call)
{
    uint32_t count;
    const struct command *const *commands = command_all(&count);
    if (call->argc == 2) {
        reply_map(call->reply, count);
        for (uint32_t i = 0; i < count; i++) {
            reply_docs(call->reply, commands[i]);
        }
        return;
    }
    uint32_t known = 0;
    for (uint32_t i = 2; i < call->argc; i++) {
        known += find_full(call->argv[i]) != NULL;
    }
    reply_map(call->reply, known);
    for (uint32_t i = 2; i < call->argc; i++) {
        const struct command *command = find_full(call->argv[i]);
        if (command != NULL) {
            reply_docs(call->reply, command);
        }
    }
}

/* ---- COMMAND LIST ---------------------------------------------------------------------------- */

enum list_by { LIST_ALL, LIST_MODULE, LIST_CATEGORY, LIST_PATTERN };

/* Is there "@category" among the words? */
static bool has_category(const char *acl, struct bytes category)
{
    while (*acl != 0) {
        size_t len = strcspn(acl, " ");
        if (len == category.len + 1 &&
            strncasecmp(acl + 1, (const char *)category.data, category.len) == 0) {
            return true;
        }
        acl += len;
        acl += *acl == ' ';
    }
    return false;
}

struct list_filter {
    enum list_by by;
    struct bytes argument;
    const struct glob *pattern;
};

static bool passes(const struct command *command, const struct list_filter *filter)
{
    char name[COMMAND_NAME_BYTES];
    switch (filter->by) {
    case LIST_ALL:
        return true;
    case LIST_CATEGORY:
        return has_category(command->acl, filter->argument);
    case LIST_PATTERN:
        command_full_name(command, name);
        return glob_matches(filter->pattern, bytes_from_string(name));
    default:
        return false; /* there are no modules */
    }
}

/* How many pass; names are replied if there is where to. */
static uint32_t list_commands(struct reply *reply, const struct list_filter *filter)
{
    uint32_t passed = 0;
    uint32_t count;
    const struct command *const *commands = command_all(&count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t parts = count_parts(commands[i]);
        for (uint32_t j = 0; j <= parts; j++) {
            const struct command *one = j == 0 ? commands[i] : &commands[i]->subcommands[j - 1];
            if (!passes(one, filter)) {
                continue;
            }
            passed++;
            if (reply != NULL) {
                reply_name(reply, one);
            }
        }
    }
    return passed;
}

static enum list_by take_filter(struct bytes word)
{
    if (redis_is(word, "module")) {
        return LIST_MODULE;
    }
    if (redis_is(word, "aclcat")) {
        return LIST_CATEGORY;
    }
    return redis_is(word, "pattern") ? LIST_PATTERN : LIST_ALL;
}

static void reply_list(struct redis_call *call, const struct list_filter *filter)
{
    reply_array(call->reply, list_commands(NULL, filter));
    list_commands(call->reply, filter);
}

static void run_command_list(struct redis_call *call)
{
    struct list_filter filter = {.by = LIST_ALL};
    struct arena arena;
    if (call->argc == 5 && redis_is(call->argv[2], "filterby")) {
        filter = (struct list_filter){take_filter(call->argv[3]), call->argv[4], NULL};
    }
    if (call->argc > 2 && filter.by == LIST_ALL) {
        redis_reply_syntax(call);
        return;
    }
    arena_init(&arena, 0);
    int code = filter.by == LIST_PATTERN
                   ? glob_compile(&arena, filter.argument, true, &filter.pattern)
                   : 0;
    if (code == 0) {
        reply_list(call, &filter);
    } else {
        reply_error_format(call->reply, "ERR the pattern can't be used: %s",
                           shoal_error_text(code));
    }
    arena_deinit(&arena);
}

/* ---- COMMAND GETKEYS ------------------------------------------------------------------------- */

/* The command that the arguments from the third on call; NULL: it has no keys, and replied. */
static const struct command *take_keyed(struct redis_call *call)
{
    const struct bytes *argv = call->argv + 2;
    uint32_t argc = call->argc - 2;
    const struct command *command = command_find(argv[0]);
    if (command != NULL && command->subcommands != NULL && argc > 1) {
        command = command_find_part(command, argv[1]);
    }
    if (command == NULL) {
        reply_error(call->reply, "ERR Invalid command specified");
    } else if (command->first_key == 0) {
        reply_error(call->reply, "ERR The command has no key arguments");
    } else if (!command_takes(command, argc)) {
        reply_error(call->reply, "ERR Invalid number of arguments specified for command");
    } else {
        return command;
    }
    return NULL;
}

static void reply_keys(struct redis_call *call, bool with_flags)
{
    const struct command *command = take_keyed(call);
    if (command == NULL) {
        return;
    }
    const struct bytes *argv = call->argv + 2;
    uint32_t first = 0;
    uint32_t step = 1;
    uint32_t count = redis_keys_of(command, call->argc - 2, &first, &step);
    reply_array(call->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        if (with_flags) {
            reply_array(call->reply, 2);
        }
        reply_bulk(call->reply, argv[first + (i * step)]);
        if (with_flags) {
            reply_key_flags(call->reply, command, redis_is_blind(command, argv, call->argc - 2));
        }
    }
}

static void run_get_keys(struct redis_call *call)
{
    reply_keys(call, false);
}

static void run_get_keys_and_flags(struct redis_call *call)
{
    reply_keys(call, true);
}

/* ---- HELP ------------------------------------------------------------------------------------ */

void redis_help(struct redis_call *call)
{
    const struct command *container = command_container(call->command);
    char line[512];
    uint32_t parts = count_parts(container);
    size_t skip = strlen(container->name) + 1; /* its name and the space after it */
    int len = 0;
    reply_array(call->reply, 1 + (2 * parts));
    for (const char *at = container->name; *at != 0; at++) {
        line[len++] = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    }
    snprintf(line + len, sizeof(line) - (size_t)len,
             " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    reply_simple(call->reply, line);
    for (uint32_t i = 0; i < parts; i++) {
        const struct command *part = &container->subcommands[i];
        reply_simple(call->reply, part->syntax + skip);
        snprintf(line, sizeof(line), "    %s", part->summary);
        reply_simple(call->reply, line);
    }
}

#define OF_COMMAND (COMMAND_LOADING | COMMAND_STALE)

#define PART(name_, arity_, run_, since_, complexity_, syntax_, summary_)                          \
    {                                                                                              \
        .name = (name_), .arity = (arity_), .flags = OF_COMMAND, .run = (run_), .group = "server", \
        .since = (since_), .complexity = (complexity_), .syntax = (syntax_),                       \
        .summary = (summary_), .acl = "@slow @connection"                                          \
    }

const struct command command_parts[] = {
    PART("count", 2, run_command_count, "2.8.13", "O(1)", "COMMAND COUNT",
         "Returns how many commands there are."),
    PART("docs", -2, run_command_docs, "7.0.0", "O(N) where N is the number of commands",
         "COMMAND DOCS [command-name [command-name ...]]", "Returns what is written of commands."),
    PART("getkeys", -4, run_get_keys, "2.8.13", "O(N) where N is the number of arguments",
         "COMMAND GETKEYS command [arg [arg ...]]", "Returns the keys of a whole call."),
    PART("getkeysandflags", -4, run_get_keys_and_flags, "7.0.0",
         "O(N) where N is the number of arguments",
         "COMMAND GETKEYSANDFLAGS command [arg [arg ...]]",
         "Returns the keys of a whole call and what is done to each."),
    PART("help", 2, redis_help, "5.0.0", "O(1)", "COMMAND HELP", "Lists these."),
    PART("info", -2, run_command_info, "2.8.13", "O(N) where N is the number of commands",
         "COMMAND INFO [command-name [command-name ...]]",
         "Returns commands' arity, flags and keys."),
    PART("list", -2, run_command_list, "7.0.0", "O(N) where N is the number of commands",
         "COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
         "Returns the commands' names."),
    {0},
};
