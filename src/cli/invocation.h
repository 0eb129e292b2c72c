/* A command line taken apart: which command, and everything its flags said. The flags stand in one
 * table (flags.c), each with the field it sets; a command names the groups of flags it takes. */
#ifndef CLI_INVOCATION_H
#define CLI_INVOCATION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct command;

/* Groups of flags. */
enum flag_group {
    FLAGS_COMMON = 1u << 0, /* every command takes them */
    FLAGS_KEY = 1u << 1,
    FLAGS_VALUE = 1u << 2,
    FLAGS_CONTEXT = 1u << 3,
    FLAGS_TTL = 1u << 4,
    FLAGS_READ = 1u << 5,  /* quorums of a read */
    FLAGS_WRITE = 1u << 6, /* quorums of a write */
    FLAGS_GET = 1u << 7,
    FLAGS_PREFIX = 1u << 8,
    FLAGS_LIST = 1u << 9,
    FLAGS_JOIN = 1u << 10,
    FLAGS_WATCH = 1u << 11,
    FLAGS_OUTPUT = 1u << 12,
    FLAGS_BENCH = 1u << 13,
    FLAGS_VERIFY = 1u << 14,
    FLAGS_NODE = 1u << 15,
    FLAGS_REPLACE = 1u << 16,
    FLAGS_SET = 1u << 17,
    FLAGS_STAGE = 1u << 18,
    FLAGS_FORCE = 1u << 19,
    FLAGS_PLAN = 1u << 20,
    FLAGS_FEED = 1u << 21,
};

struct bench_flags {
    uint64_t connections;
    uint64_t pipeline;
    uint64_t threads;
    uint64_t keys;
    uint64_t value_size;
    const char *mix;
    uint64_t duration_us;
    uint64_t requests; /* 0: by duration */
    const char *server_pid;
    bool with_context;
    bool lockstep;
    bool prepared;
    bool direct;
};

struct invocation {
    const struct command *command;
    const char *hosts; /* NULL: from the environment, or the default */
    uint64_t port;
    bool json;
    bool help;
    bool version;
    uint64_t timeout_us; /* 0: the command's default */
    const char *key;
    const char *value;
    const char *context;
    uint64_t ttl_us;
    int32_t n, r, w, pr, pw, dw; /* as shoal_options has them */
    bool raw;
    bool siblings;
    const char *prefix;
    uint64_t limit;
    const char *after;
    const char *ops;
    bool values;
    const char *known_cluster_node;
    const char *node;
    const char *with;
    const char *zone;
    uint64_t weight; /* 0: not given */
    uint64_t nodes;  /* 0: not given */
    bool stage;
    bool force;
    bool watch;
    const char *output;
    struct bench_flags bench;
    char **arguments; /* what is no flag */
    uint32_t argument_count;
};

#define INVOCATION_WHY_BYTES 512u

/* Takes argv apart; the invocation borrows from it and may reorder it. 0, or SHOAL_EINVAL with the
 * reason in `why`. Without a command (--help, --version) `command` is NULL. */
int invocation_parse(int argc, char **argv, struct invocation *out, char why[INVOCATION_WHY_BYTES]);

/* What --help prints: of a command, or of all when it is NULL. */
void invocation_print_help(const struct command *command, FILE *out);

#endif
