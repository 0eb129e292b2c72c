/* Generators of the random messages of the live feed. */
#include "support/random_field.h"
#include "support/random_message.h"

void random_feed(struct random *random, struct arena *arena, struct message_feed *out)
{
    (void)arena;
    *out = (struct message_feed){
        .id = number(random),
        .lane = (uint32_t)random_below(random, LIMIT_WORKERS),
        .tail = number(random),
        .from = (uint32_t)random_below(random, FEED_FROM_END + 1),
        .at = number(random),
        .bytes_max = number(random),
        .wait_us = number(random),
    };
}

void random_fed(struct random *random, struct arena *arena, struct message_fed *out)
{
    *out = (struct message_fed){
        .id = number(random),
        .code = code(random),
        .lanes = (uint32_t)random_below(random, LIMIT_WORKERS + 1),
        .tail = number(random),
        .first = number(random),
        .next = number(random),
        .end = number(random),
        .events = some_bytes(random, arena),
    };
}

void random_watch(struct random *random, struct arena *arena, struct message_watch *out)
{
    *out = (struct message_watch){
        .id = number(random),
        .prefix = some_bytes(random, arena),
        .ops = number32(random),
        .cursor = or_none(random, some_bytes(random, arena)),
        .heartbeat_us = number(random),
    };
}

void random_watched(struct random *random, struct arena *arena, struct message_watched *out)
{
    *out = (struct message_watched){.id = number(random)};
    struct watched_event *events = some_items(random, arena, sizeof(*events), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        events[i] = (struct watched_event){
            .op = number32(random),
            .time_ms = number(random),
            .cursor = some_bytes(random, arena),
            .key = some_bytes(random, arena),
            .value = or_none(random, some_bytes(random, arena)),
            .value_bytes = number(random),
            .expiry_ms = number(random),
            .reason = number32(random),
            .missed = number(random),
            .node = some_name(random, arena),
        };
    }
    out->events = events;
}

void random_unwatch(struct random *random, struct arena *arena, struct message_unwatch *out)
{
    (void)arena;
    *out = (struct message_unwatch){.id = number(random)};
}
