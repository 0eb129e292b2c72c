/* The table of commands, and the program around it. */
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "shoal/error.h"

#define COMMANDS_MAX 64u

const struct command commands[] = {
    {"ping", "", "ask a node whether it is there", 0, 0, 0, command_ping},
    {"put", "KEY VALUE", "write a value",
     FLAGS_KEY | FLAGS_VALUE | FLAGS_CONTEXT | FLAGS_TTL | FLAGS_WRITE, 0, 2, command_put},
    {"get", "KEY", "read a value; with siblings, the winner", FLAGS_KEY | FLAGS_GET | FLAGS_READ, 0,
     1, command_get},
    {"delete", "KEY", "delete a key; a missing one is no error",
     FLAGS_KEY | FLAGS_CONTEXT | FLAGS_WRITE, 0, 1, command_delete},
    {"mget", "KEY...", "read several values", FLAGS_READ, 1, UINT32_MAX, command_mget},
    {"list", "[PREFIX]", "the keys, in the order of the ring",
     FLAGS_PREFIX | FLAGS_LIST | FLAGS_READ, 0, 1, command_list},
    {"load", "FILE", "write the records of a file, a line of JSON each; - is stdin", FLAGS_WRITE, 1,
     1, command_load},
    {"dump", "", "all keys and values, a line of JSON each",
     FLAGS_PREFIX | FLAGS_OUTPUT | FLAGS_READ, 0, 0, command_dump},
    {"join-cluster", "", "make this node a member of another node's cluster", FLAGS_JOIN, 0, 0,
     command_join},
    {"status", "", "the nodes and how they are", FLAGS_WATCH, 0, 0, command_status},
    {"ring", "", "the partitions and their owners; with a key, its own", FLAGS_KEY, 0, 1,
     command_ring},
    {"backup", "DIR", "a copy of the node's data, in a folder of its machine", 0, 1, 1,
     command_backup},
    {"verify", "", "whether all owners of each partition hold the same", FLAGS_VERIFY, 0, 0,
     command_verify},
    {"repair", "", "have all nodes compare and repair what they hold now", 0, 0, 0, command_repair},
    {"bench", "", "measure throughput and latency", FLAGS_BENCH, 0, 0, command_bench},
    {0},
};

const struct command *command_find(const char *name)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

const char *command_nearest(const char *name)
{
    const char *names[COMMANDS_MAX + 1] = {0};
    for (size_t i = 0; i < COMMANDS_MAX && commands[i].name != NULL; i++) {
        names[i] = commands[i].name;
    }
    return text_nearest(name, names);
}

/* Errors about the command line itself are in JSON, too, if it asks for JSON anywhere. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

int command_line_run(struct terminal *terminal, int argc, char **argv)
{
    struct invocation invocation;
    char why[INVOCATION_WHY_BYTES];
    terminal->json = wants_json(argc, argv);
    int error = invocation_parse(argc, argv, &invocation, why);
    if (error != 0) {
        return terminal_fail(terminal, error, why);
    }
    if (invocation.version) {
        (void)fprintf(terminal->out, "shoal %s\n", SHOAL_VERSION);
        return 0;
    }
    if (invocation.help || invocation.command == NULL) {
        invocation_print_help(invocation.command, terminal->out);
        return 0;
    }
    int status = invocation.command->run(terminal, &invocation);
    if (fflush(terminal->out) != 0 || ferror(terminal->out)) {
        return terminal_fail(terminal, SHOAL_EIO, "stdout can't be written to");
    }
    return status;
}
