#include "api/redis/shared.h"

int redis_shared_init(struct redis_shared *shared, const struct redis_options *options)
{
    *shared = (struct redis_shared){.options = *options};
    return client_roll_init(&shared->roll);
}

void redis_shared_deinit(struct redis_shared *shared)
{
    client_roll_deinit(&shared->roll);
}

uint64_t redis_shared_count(const struct redis_shared *shared, metric_id id)
{
    return shared->options.metrics == NULL ? 0 : metrics_value(shared->options.metrics, id);
}
