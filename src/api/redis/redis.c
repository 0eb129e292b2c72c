/* The surface as a whole: its desks, its metrics, its birth and end. */
#include "api/redis.h"

#include "api/redis/desk.h"
#include "base/memory.h"
#include "shoal/error.h"

int redis_declare_metrics(struct metrics *metrics, struct redis_metrics *ids)
{
    int code = served_declare_metrics(metrics, SURFACE_REDIS, &ids->served);
    if (code == 0) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_redis_commands_total", NULL,
                               "Redis commands that were taken.", &ids->commands);
    }
    if (code == 0) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_redis_errors_total", NULL,
                               "Redis commands that were answered with an error.", &ids->errors);
    }
    if (code == 0) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_redis_hidden_siblings_total", NULL,
                               "Concurrent values that a reading Redis command did not show, as "
                               "it shows one alone; SHOAL.GET shows all.",
                               &ids->siblings);
    }
    return code;
}

int redis_new(const struct redis_options *options, struct redis **out)
{
    struct redis *redis =
        mem_alloc_zeroed(1, sizeof(*redis) + options->workers * sizeof(struct redis_desk));
    if (redis == NULL) {
        return SHOAL_ENOMEM;
    }
    redis_shared_init(&redis->shared, options);
    for (uint32_t i = 0; i < options->workers; i++) {
        struct redis_desk *desk = &redis->desks[i];
        queue_init(&desk->sessions);
        queue_init(&desk->begun);
        queue_init(&desk->free_pending);
    }
    *out = redis;
    return 0;
}

void redis_listening(struct redis *redis, uint16_t port)
{
    redis->shared.options.node.port = port;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL) {
        return;
    }
    for (uint32_t i = 0; i < redis->shared.options.workers; i++) {
        redis_pendings_free(&redis->desks[i]);
    }
    redis_shared_deinit(&redis->shared);
    mem_free(redis);
}
