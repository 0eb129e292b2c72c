/* Generators of the random messages by which membership changes. */
#include "support/random_field.h"
#include "support/random_message.h"

static struct bytes some_plain_name(struct random *random, struct arena *arena)
{
    char *name = arena_alloc(arena, LIMIT_NAME_BYTES + 1);
    ASSERT(name != NULL);
    fill_name(random, name);
    return bytes_from_string(name);
}

void random_change(struct random *random, struct arena *arena, struct message_change *out)
{
    *out = (struct message_change){
        .id = number(random),
        .op = number32(random),
        .stage = chance(random, 0.5),
        .force = chance(random, 0.5),
        .node = or_none(random, some_plain_name(random, arena)),
        .port = port(random),
        .weight = number32(random),
        .zone = or_none(random, some_plain_name(random, arena)),
        .nodes = number32(random),
        .timeout_us = number(random),
    };
    fill_name(random, out->host);
}

static const struct plan_row *some_rows(struct random *random, struct arena *arena, uint32_t *count)
{
    struct plan_row *rows = some_items(random, arena, sizeof(*rows), count);
    for (uint32_t i = 0; i < *count; i++) {
        rows[i] = (struct plan_row){
            .node = number(random),
            .name = some_name(random, arena),
            .zone = some_name(random, arena),
            .kind = number32(random),
            .weight = number32(random),
            .partitions_before = number32(random),
            .partitions_after = number32(random),
            .partitions_in = number32(random),
            .bytes_in = number(random),
        };
    }
    return rows;
}

void random_change_reply(struct random *random, struct arena *arena,
                         struct message_change_reply *out)
{
    *out = (struct message_change_reply){
        .id = number(random),
        .changes = chance(random, 0.5),
        .committed = chance(random, 0.5),
        .version_before = number(random),
        .version_after = number(random),
        .partitions = number32(random),
        .replicas_before = number32(random),
        .replicas_after = number32(random),
        .moves = number32(random),
        .moves_least = number32(random),
        .zones_before = number32(random),
        .zones_after = number32(random),
        .share_excess_before_milli = number32(random),
        .share_excess_after_milli = number32(random),
        .may_lose = number32(random),
        .bytes_in = number(random),
        .reason = or_none(random, some_text(random, arena)),
        .text = or_none(random, some_text(random, arena)),
    };
    out->rows = some_rows(random, arena, &out->count);
}

void random_release(struct random *random, struct arena *arena, struct message_release *out)
{
    (void)arena;
    *out = (struct message_release){
        .id = number(random),
        .partition = (uint32_t)random_below(random, LIMIT_PARTITIONS_MAX),
        .node = number(random),
        .actor = number(random),
        .view_digest = number(random),
    };
}

void random_released(struct random *random, struct arena *arena, struct message_released *out)
{
    *out = (struct message_released){
        .id = number(random),
        .code = code(random),
        .actor = number(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
}
