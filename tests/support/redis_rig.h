/* Redis commands on bare cells: a small store of values, a command line that is run against it as a
 * standalone node would, and its reply as text. No node, no sockets, no clock but `now_ms`. */
#ifndef TESTS_REDIS_RIG_H
#define TESTS_REDIS_RIG_H

#include "api/redis/call.h"

#define REDIS_RIG_KEYS 64u
#define REDIS_RIG_ARGUMENTS 4096u

struct redis_rig_value {
    struct bytes key, value; /* its own */
    uint64_t expiry_ms;
};

struct redis_rig {
    uint64_t now_ms;
    uint64_t value_bytes_max;
    bool resp3;
    uint32_t changes; /* keys that the last command put or deleted */

    const struct command *const *tables;
    struct redis_rig_value values[REDIS_RIG_KEYS];
    uint32_t count;
    struct arena memory;
    struct buffer out; /* the last reply */
    struct buffer shown;
};

/* `tables` (borrowed) ends with NULL. */
void redis_rig_init(struct redis_rig *rig, const struct command *const *tables);
void redis_rig_deinit(struct redis_rig *rig);

/* Runs the words of a line, parted by spaces; "a b" is one, \xNN a byte. The reply as it goes to
 * the client, its line ends as spaces but the last, odd bytes as \xNN: "*2 $1 a :3". Until the
 * next. */
const char *redis_rig_run(struct redis_rig *rig, const char *line);

/* As above, for arguments of any size. */
const char *redis_rig_run_arguments(struct redis_rig *rig, const struct bytes *argv, uint32_t argc);

/* Wall time; 0: never, or no such key. */
uint64_t redis_rig_expiry(const struct redis_rig *rig, const char *key);

/* What is held; data is NULL if there is no such key. */
struct bytes redis_rig_value(const struct redis_rig *rig, const char *key);

/* The words of a line, unescaped in place. How many. */
uint32_t redis_rig_words(char *line, struct bytes words[REDIS_RIG_ARGUMENTS]);
/* A reply as redis_rig_run shows it, ended by a NUL; until `shown` changes. */
const char *redis_rig_show(struct bytes reply, struct buffer *shown);

#define REDIS_SAYS(rig, line, reply) assert_string_equal(redis_rig_run(rig, line), reply)

#endif
