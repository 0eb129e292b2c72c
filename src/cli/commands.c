/* The table of commands, and the program around it. */
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "shoal/error.h"

#define COMMANDS_MAX 64u

/* Of every command that changes who is a member. */
#define FOLLOWED                                                                                   \
    "\nIt follows the change until it has settled. --timeout (else without end) and Ctrl-C end "   \
    "the\n"                                                                                        \
    "watching with status 7; the change goes on by itself."
#define STAGEABLE "\nWith --stage it is only noted: see shoal cluster --help."

const struct command commands[] = {
    {"ping", "", "ask a node whether it is there", 0, 0, 0, command_ping, NULL},
    {"put", "KEY VALUE", "write a value",
     FLAGS_KEY | FLAGS_VALUE | FLAGS_CONTEXT | FLAGS_TTL | FLAGS_WRITE, 0, 2, command_put, NULL},
    {"get", "KEY", "read a value; with siblings, the winner", FLAGS_KEY | FLAGS_GET | FLAGS_READ, 0,
     1, command_get, NULL},
    {"delete", "KEY", "delete a key; a missing one is no error",
     FLAGS_KEY | FLAGS_CONTEXT | FLAGS_WRITE, 0, 1, command_delete, NULL},
    {"mget", "KEY...", "read several values", FLAGS_READ, 1, UINT32_MAX, command_mget, NULL},
    {"list", "[PREFIX]", "the keys, in the order of the ring",
     FLAGS_PREFIX | FLAGS_LIST | FLAGS_READ, 0, 1, command_list, NULL},
    {"load", "FILE", "write the records of a file, a line of JSON each; - is stdin", FLAGS_WRITE, 1,
     1, command_load, NULL},
    {"dump", "", "all keys and values, a line of JSON each",
     FLAGS_PREFIX | FLAGS_OUTPUT | FLAGS_READ, 0, 0, command_dump, NULL},
    {"join-cluster", "", "make this node a member of another node's cluster",
     FLAGS_JOIN | FLAGS_STAGE, 0, 0, command_join,
     "The node must be empty. Its zone and weight are those of its config, until set-node changes\n"
     "them." STAGEABLE FOLLOWED},
    {"leave-cluster", "", "have a node hand over what it holds, and be no member any more",
     FLAGS_NODE | FLAGS_STAGE | FLAGS_FORCE, 0, 0, command_leave,
     "The node that is asked, or --node. When it is done the node may be stopped for good.\n"
     "Refused without --force where fewer members would be left than a write needs." STAGEABLE
         FOLLOWED},
    {"remove-node", "", "leave-cluster for another node; if it is down, for good",
     FLAGS_NODE | FLAGS_STAGE | FLAGS_FORCE, 0, 0, command_remove,
     "A node that is up hands over what it holds, as by leave-cluster. One that is down is "
     "removed\n"
     "for good: it can come back only with an empty data_dir. That is refused where it may lose\n"
     "acknowledged writes. With --force the node is removed for good in any case, up or down, and\n"
     "without handing anything over." STAGEABLE FOLLOWED},
    {"replace-node", "", "put an empty node in a member's place",
     FLAGS_NODE | FLAGS_REPLACE | FLAGS_STAGE | FLAGS_FORCE, 0, 0, command_replace,
     "One change for both, so that data moves once; the new one gets the old one's weight. An old\n"
     "one that is down is removed for good, with the same refusal and --force as of "
     "remove-node." STAGEABLE FOLLOWED},
    {"set-node", "", "change a member's weight or zone", FLAGS_NODE | FLAGS_SET | FLAGS_STAGE, 0, 0,
     command_set, "From then on the node's config doesn't count for these." STAGEABLE FOLLOWED},
    {"cluster", "plan|commit|cancel", "show, do or forget the changes that are staged",
     FLAGS_PLAN | FLAGS_FORCE, 1, 1, command_cluster,
     "plan     what moves if all that is staged is done; with --nodes: what if there were so many\n"
     "commit   do it all, in one change\n"
     "cancel   forget it all\n"
     "commit is refused without --force where fewer members would be left than a write "
     "needs." FOLLOWED},
    {"status", "", "the nodes and how they are, and how a change goes", FLAGS_WATCH, 0, 0,
     command_status,
     "PENDING are partitions that a node has not yet got whole, RELEASING such as others own now "
     "and\n"
     "that it still holds, HINTS writes that it keeps for nodes that are away; * answers."},
    {"ring", "", "the partitions and their owners; with a key, its own", FLAGS_KEY, 0, 1,
     command_ring, NULL},
    {"backup", "DIR", "a copy of the node's data, in a folder of its machine", 0, 1, 1,
     command_backup,
     "It follows the copy until it is done. --timeout (else without end) ends the watching; the "
     "node\n"
     "goes on."},
    {"watch", "", "the live feed: every change of the cluster, as it happens",
     FLAGS_PREFIX | FLAGS_FEED, 0, 0, command_watch,
     "A line an event: time, what, the node that coordinated it, key, value. list and read are "
     "told "
     "of\n"
     "the asked node alone. A gap says what is missed and why. When its node goes away it goes on "
     "at\n"
     "another. Ctrl-C and --timeout (else without end) end it with status 0 and say how to go on."},
    {"verify", "", "whether all owners of each partition hold the same", FLAGS_VERIFY, 0, 0,
     command_verify,
     "It waits for a minute, with --values for an hour, unless --timeout says otherwise."},
    {"repair", "", "have all nodes compare and repair what they hold now", 0, 0, 0, command_repair,
     NULL},
    {"bench", "", "measure throughput and latency", FLAGS_BENCH, 0, 0, command_bench, NULL},
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
    terminal->json = invocation.json;
    if (invocation.version) {
        (void)fprintf(terminal->out, "shoal %s\n", SHOAL_VERSION);
        return 0;
    }
    if (invocation.help || invocation.command == NULL) {
        invocation_print_help(invocation.command, terminal->out);
        return 0;
    }
    int status = invocation.command->run(terminal, &invocation);
    if ((fflush(terminal->out) != 0 || ferror(terminal->out)) && status == 0) {
        return terminal_fail(terminal, terminal->applied_some ? SHOAL_EUNKNOWN : SHOAL_EIO,
                             terminal->applied_some ? "it was done, but stdout can't be written to"
                                                    : "stdout can't be written to");
    }
    return status;
}
