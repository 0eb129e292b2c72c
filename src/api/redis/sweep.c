/* Commands about all keys: KEYS, SCAN, DBSIZE, RANDOMKEY, FLUSHALL and FLUSHDB. See sweep.h; what
 * is here is the table of them and how each begins. */
#include "api/redis/sweep.h"

#include "shoal/error.h"

#define CLUSTERED_COVERAGE                                                                         \
    "Asks N-W+1 owners of every partition, so that it sees every write that was confirmed before."
#define CLUSTERED_FLUSH                                                                            \
    "Deletes what it sees, key by key; what is written meanwhile may stay. Fails if a delete "     \
    "fails, and says how many went."
#define CLUSTERED_SCAN                                                                             \
    "Asks N-W+1 owners of each partition. Every key that is there throughout is returned, also "   \
    "while nodes come and go; a cursor can be used at any node."

const struct command commands_sweep[] = {
    {
        .name = "dbsize",
        .arity = 1,
        .flags = COMMAND_READONLY | COMMAND_FAST,
        .kind = COMMAND_SWEEP,
        .run = sweep_run_dbsize,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) where N is the number of keys",
        .summary = "How many keys there are.",
        .syntax = "DBSIZE",
        .acl = "@keyspace @read @fast",
        .clustered = CLUSTERED_COVERAGE,
    },
    {
        .name = "flushall",
        .arity = -1,
        .flags = COMMAND_WRITE,
        .kind = COMMAND_SWEEP,
        .run = sweep_run_flush,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) where N is the number of keys",
        .summary = "Deletes all keys; ASYNC or SYNC, it is done when it replies.",
        .syntax = "FLUSHALL [ASYNC | SYNC]",
        .acl = "@keyspace @write @slow @dangerous",
        .clustered = CLUSTERED_FLUSH,
    },
    {
        .name = "flushdb",
        .arity = -1,
        .flags = COMMAND_WRITE,
        .kind = COMMAND_SWEEP,
        .run = sweep_run_flush,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) where N is the number of keys",
        .summary = "Deletes all keys; ASYNC or SYNC, it is done when it replies.",
        .syntax = "FLUSHDB [ASYNC | SYNC]",
        .acl = "@keyspace @write @slow @dangerous",
        .clustered = CLUSTERED_FLUSH,
    },
    {
        .name = "keys",
        .arity = 2,
        .flags = COMMAND_READONLY,
        .kind = COMMAND_SWEEP,
        .run = sweep_run_keys,
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(N) where N is the number of keys",
        .summary = "The keys whose names match a pattern.",
        .syntax = "KEYS pattern",
        .acl = "@keyspace @read @slow @dangerous",
        .clustered = CLUSTERED_COVERAGE,
    },
    {
        .name = "randomkey",
        .arity = 1,
        .flags = COMMAND_READONLY,
        .kind = COMMAND_SWEEP,
        .run = sweep_run_randomkey,
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Some key, null if there is none.",
        .syntax = "RANDOMKEY",
        .acl = "@keyspace @read @slow",
        .clustered = CLUSTERED_COVERAGE,
    },
    {
        .name = "scan",
        .arity = -2,
        .flags = COMMAND_READONLY,
        .kind = COMMAND_SWEEP,
        .run = sweep_run_scan,
        .group = "generic",
        .since = "2.8.0",
        .complexity = "O(1) for every call, O(N) for all of them, where N is the number of keys",
        .summary = "Some keys and a cursor for the next ones; 0 begins and ends.",
        .syntax = "SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]",
        .acl = "@keyspace @read @slow",
        .clustered = CLUSTERED_SCAN,
    },
    {0},
};

static struct sweep *sweep_new(struct redis_pending *pending)
{
    struct redis_spread *spread = redis_spread_new(pending);
    if (spread == NULL) {
        return NULL;
    }
    struct sweep *sweep = redis_pending_alloc(pending, sizeof(*sweep));
    if (sweep == NULL) {
        redis_pending_fail(pending, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return NULL;
    }
    *sweep = (struct sweep){.spread = spread};
    spread->user = sweep;
    return sweep;
}

/* True when the arguments will do; else replied. */
static bool take_question(struct sweep *sweep)
{
    struct redis_call *call = &sweep->spread->pending->call;
    struct arena *memory = &sweep->spread->memory;
    if (call->command->run == sweep_run_keys) {
        return sweep_take_keys(call, memory, &sweep->question);
    }
    if (call->command->run == sweep_run_scan) {
        return sweep_take_scan(call, memory, &sweep->question);
    }
    return call->command->run != sweep_run_flush || sweep_take_flush(call);
}

void redis_sweep_begin(struct redis_pending *pending)
{
    static const struct {
        void (*run)(struct redis_call *call);
        void (*walk)(struct sweep *sweep);
    } walks[] = {
        {sweep_run_keys, sweep_walk_keys},    {sweep_run_scan, sweep_walk_scan},
        {sweep_run_dbsize, sweep_walk_count}, {sweep_run_randomkey, sweep_walk_random},
        {sweep_run_flush, sweep_flush},
    };
    struct sweep *sweep = sweep_new(pending);
    if (sweep == NULL) {
        return;
    }
    if (!take_question(sweep)) {
        redis_pending_done(pending);
        return;
    }
    for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
        if (pending->call.command->run == walks[i].run) {
            walks[i].walk(sweep);
            return;
        }
    }
}
