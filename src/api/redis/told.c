/* The live feed's readers who want to know of reads and lists are told of those that come by
 * Redis's protocol: commands that only read tell of each of their keys, KEYS and SCAN of what all
 * keys that match begin with. What is read within a transaction is not told. */
#include "api/redis/desk.h"
#include "node/feed.h"

/* What stands before the pattern's first special character. */
static struct bytes beginning_of(struct bytes pattern)
{
    size_t len = 0;
    while (len < pattern.len && memchr("*?[\\", pattern.data[len], 4) == NULL) {
        len++;
    }
    return bytes_make(pattern.data, len);
}

static void tell_keys(const struct redis_call *call, struct worker *worker)
{
    uint32_t first = 0;
    uint32_t step = 1;
    uint32_t count = redis_keys_of(call->command, call->argc, &first, &step);
    for (uint32_t i = 0; i < count; i++) {
        worker_feed_tell(worker, FEED_READ, call->argv[first + i * step]);
    }
}

static void tell_sweep(const struct redis_call *call, struct worker *worker)
{
    if (redis_is(call->argv[0], "keys") && call->argc == 2) {
        worker_feed_tell(worker, FEED_LIST, beginning_of(call->argv[1]));
    } else if (redis_is(call->argv[0], "scan")) {
        struct bytes prefix = bytes_make("", 0);
        for (uint32_t i = 2; i + 1 < call->argc; i += 2) {
            prefix = redis_is(call->argv[i], "match") ? beginning_of(call->argv[i + 1]) : prefix;
        }
        worker_feed_tell(worker, FEED_LIST, prefix);
    }
}

void redis_tell_feed(const struct redis_pending *pending)
{
    const struct redis_call *call = &pending->call;
    struct worker *worker = pending->session->loop->worker;
    if ((call->command->flags & COMMAND_READONLY) == 0) {
        return;
    }
    if (call->command->kind == COMMAND_SWEEP) {
        if (worker_feed_wanted(worker, FEED_LIST)) {
            tell_sweep(call, worker);
        }
    } else if (worker_feed_wanted(worker, FEED_READ)) {
        tell_keys(call, worker);
    }
}
