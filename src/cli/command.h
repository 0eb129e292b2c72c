/* A command: its name, what it takes, and the function that carries it out. All of them stand in
 * one table (commands.c); each family has a file of its own, command_NAME.c. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/invocation.h"
#include "cli/terminal.h"

struct command {
    const char *name;
    const char *arguments; /* for the help */
    const char *help;
    uint32_t groups; /* of enum flag_group, beside FLAGS_COMMON */
    uint32_t arguments_min;
    uint32_t arguments_max;
    /* Returns the exit status; what there is to say has been said. */
    int (*run)(struct terminal *terminal, const struct invocation *invocation);
    const char *more; /* lines for its own help; NULL: none */
};

/* Ended by one without a name. */
extern const struct command commands[];

/* NULL when there is none. */
const struct command *command_find(const char *name);

/* The name nearest to one that is none; NULL when nothing is near. */
const char *command_nearest(const char *name);

int command_ping(struct terminal *terminal, const struct invocation *invocation);
int command_put(struct terminal *terminal, const struct invocation *invocation);
int command_get(struct terminal *terminal, const struct invocation *invocation);
int command_delete(struct terminal *terminal, const struct invocation *invocation);
int command_mget(struct terminal *terminal, const struct invocation *invocation);
int command_list(struct terminal *terminal, const struct invocation *invocation);
int command_load(struct terminal *terminal, const struct invocation *invocation);
int command_dump(struct terminal *terminal, const struct invocation *invocation);
int command_join(struct terminal *terminal, const struct invocation *invocation);
int command_leave(struct terminal *terminal, const struct invocation *invocation);
int command_remove(struct terminal *terminal, const struct invocation *invocation);
int command_replace(struct terminal *terminal, const struct invocation *invocation);
int command_set(struct terminal *terminal, const struct invocation *invocation);
int command_cluster(struct terminal *terminal, const struct invocation *invocation);
int command_status(struct terminal *terminal, const struct invocation *invocation);
int command_ring(struct terminal *terminal, const struct invocation *invocation);
int command_backup(struct terminal *terminal, const struct invocation *invocation);
int command_verify(struct terminal *terminal, const struct invocation *invocation);
int command_repair(struct terminal *terminal, const struct invocation *invocation);
int command_watch(struct terminal *terminal, const struct invocation *invocation);
int command_bench(struct terminal *terminal, const struct invocation *invocation);

/* The whole program: parses, runs, returns the exit status. */
int command_line_run(struct terminal *terminal, int argc, char **argv);

#endif
