/* The table of commands: what each is called, takes, promises alone and in a cluster, and does. The
 * one source of COMMAND, COMMAND DOCS and docs/redis.md. */
#ifndef API_REDIS_COMMAND_H
#define API_REDIS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct redis_call;

/* Redis's own words, as COMMAND INFO shows them. */
enum command_flags {
    COMMAND_WRITE = 1 << 0,
    COMMAND_READONLY = 1 << 1,
    COMMAND_DENYOOM = 1 << 2,
    COMMAND_ADMIN = 1 << 3,
    COMMAND_PUBSUB = 1 << 4,
    COMMAND_NOSCRIPT = 1 << 5,
    COMMAND_LOADING = 1 << 6,
    COMMAND_STALE = 1 << 7,
    COMMAND_FAST = 1 << 8,
    COMMAND_NO_AUTH = 1 << 9,
    COMMAND_NO_MULTI = 1 << 10,
    COMMAND_MOVABLEKEYS = 1 << 11,
    COMMAND_ALLOW_BUSY = 1 << 12,
    COMMAND_SKIP_MONITOR = 1 << 13,
    COMMAND_SKIP_SLOWLOG = 1 << 14,
};

/* How it is carried out. `run` is pure where there are keys: see call.h. */
enum command_kind {
    COMMAND_SESSION, /* concerns the connection or the node: `run` answers at once */
    COMMAND_KEYS,    /* concerns the keys it names: `run` works on their cells */
    COMMAND_SWEEP,   /* concerns all keys: KEYS, SCAN, DBSIZE, RANDOMKEY, FLUSHALL, FLUSHDB */
    COMMAND_CONTROL, /* MULTI, EXEC, WATCH and so on: `run` belongs to transaction.c */
    COMMAND_CONTEXT, /* SHOAL.GET, SHOAL.PUT: with siblings and contexts, `run` unused */
};

/* What it becomes where N > 1, if its options allow it (`linear` decides): */
enum command_spread {
    SPREAD_NONE,   /* the same as alone: no keys are concerned */
    SPREAD_READ,   /* its keys are read by quorum, then `run` */
    SPREAD_WRITE,  /* `run` on blind cells, then each change is a write of its own */
    SPREAD_UPDATE, /* read, `run`, then each change is a write of its own: DEL, UNLINK */
    SPREAD_ADD,    /* a counter's increment: INCR, DECR, INCRBY, DECRBY */
    SPREAD_EXPIRE, /* an expiry for what is there: EXPIRE and family, PERSIST */
    SPREAD_LINEAR, /* refused: it needs a linearizable key */
};

struct command {
    const char *name;                     /* lower case; of a subcommand its own part: "setname" */
    int8_t arity;                         /* as Redis: with the name, negative: at least */
    uint32_t flags;                       /* enum command_flags */
    int8_t first_key, last_key, key_step; /* as Redis; 0: none */
    enum command_kind kind;
    enum command_spread spread;
    bool barrier; /* waits for all earlier commands of its connection, and later ones for it */
    bool blind;   /* its keys' old values are not looked at, whatever its options, unless `looks` */
    /* With these options old values matter after all (SET with NX, XX, GET, KEEPTTL). NULL: no. */
    bool (*looks)(const struct bytes *argv, uint32_t argc);
    /* With these options it needs a linearizable key, though its `spread` says otherwise. The
     * text names the option: "SET with NX". NULL result: it does not. NULL: never. */
    const char *(*linear)(const struct bytes *argv, uint32_t argc);
    void (*run)(struct redis_call *call);
    const struct command *subcommands; /* ended by one without a name; NULL: none */

    /* For COMMAND DOCS and docs/redis.md. */
    const char *group; /* "string", "generic", "connection", "server", "transactions", "shoal" */
    const char *since; /* Redis's version; of our own: Shoal's */
    const char *complexity;
    const char *summary;
    const char *syntax;    /* "SET key value [NX | XX] ..." */
    const char *acl;       /* "@write @string @slow" */
    const char *clustered; /* what it promises where N > 1; alone all are as in Redis unless: */
    const char *alone;     /* NULL: exactly as Redis */
};

#define COMMAND_NAME_BYTES 64u /* "client|setname" and a NUL */

struct reply;

/* NULL: there is none. Of any case. */
const struct command *command_find(struct bytes name);
/* Of a container's; NULL: none. */
const struct command *command_find_part(const struct command *container, struct bytes name);
/* What is called: a command or the part of one, with as many arguments as it takes. NULL: there is
 * no such, and Redis's error has been replied. */
const struct command *command_resolve(const struct bytes *argv, uint32_t argc, struct reply *reply);
/* Does it take so many arguments, its name included? */
bool command_takes(const struct command *command, uint32_t argc);
/* "get", "client|setname". */
void command_full_name(const struct command *command, char out[COMMAND_NAME_BYTES]);
/* The one that it is a part of; NULL: it stands for itself. */
const struct command *command_container(const struct command *command);
/* All, in alphabetical order. */
const struct command *const *command_all(uint32_t *count);

/* The groups' tables, each ended by one without a name; command.c puts them together. */
extern const struct command commands_string[]; /* strings.c, bits.c, numbers.c */
extern const struct command commands_bits[];
extern const struct command commands_numbers[];
extern const struct command commands_generic[]; /* keys.c, expiry.c */
extern const struct command commands_expiry[];
extern const struct command commands_sweep[];       /* sweep.c */
extern const struct command commands_connection[];  /* connection.c, client.c */
extern const struct command commands_server[];      /* server.c, info.c, config.c, documents.c */
extern const struct command commands_transaction[]; /* transaction.c */
extern const struct command commands_shoal[];       /* shoal.c */

#endif
