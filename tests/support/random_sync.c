/* Generators of the random messages with which nodes compare and repair what they hold. */
#include "support/random_field.h"
#include "support/random_message.h"

static struct bytes some_clock(struct random *random, struct arena *arena)
{
    return some_bytes(random, arena);
}

static struct wire_sum some_sum(struct random *random)
{
    return (struct wire_sum){.low = number(random), .high = number(random)};
}

static const uint64_t *some_indexes(struct random *random, struct arena *arena, uint32_t *count)
{
    uint64_t *indexes = some_items(random, arena, sizeof(*indexes), count);
    for (uint32_t i = 0; i < *count; i++) {
        indexes[i] = number(random);
    }
    return indexes;
}

static uint32_t some_partition(struct random *random)
{
    return (uint32_t)random_below(random, LIMIT_PARTITIONS_MAX);
}

static const uint32_t *some_partitions(struct random *random, struct arena *arena, uint32_t *count)
{
    uint32_t *partitions = some_items(random, arena, sizeof(*partitions), count);
    for (uint32_t i = 0; i < *count; i++) {
        partitions[i] = number32(random);
    }
    return partitions;
}

void random_verify(struct random *random, struct arena *arena, struct message_verify *out)
{
    (void)arena;
    *out = (struct message_verify){
        .id = number(random), .with_values = chance(random, 0.5), .timeout_us = number(random)};
}

void random_verify_reply(struct random *random, struct arena *arena,
                         struct message_verify_reply *out)
{
    *out = (struct message_verify_reply){
        .id = number(random),
        .digest = {.low = random_u64(random), .high = random_u64(random)},
        .partitions = number32(random),
        .with_values = chance(random, 0.5),
        .siblings = number(random),
        .bytes = number(random),
        .text = or_none(random, some_text(random, arena)),
    };
    out->differing = some_partitions(random, arena, &out->differing_count);
    out->unverified = some_partitions(random, arena, &out->unverified_count);
}

void random_repair(struct random *random, struct arena *arena, struct message_repair *out)
{
    (void)arena;
    *out = (struct message_repair){.id = number(random), .pass_on = chance(random, 0.5)};
}

void random_repair_reply(struct random *random, struct arena *arena,
                         struct message_repair_reply *out)
{
    *out = (struct message_repair_reply){.id = number(random),
                                         .told = number32(random),
                                         .nodes = number32(random),
                                         .text = or_none(random, some_text(random, arena))};
}

void random_compare(struct random *random, struct arena *arena, struct message_compare *out)
{
    (void)arena;
    *out = (struct message_compare){
        .id = number(random),
        .node = number(random),
        .view_digest = number(random),
        .sum = some_sum(random),
    };
}

void random_compared(struct random *random, struct arena *arena, struct message_compared *out)
{
    *out = (struct message_compared){
        .id = number(random),
        .code = code(random),
        .equal = chance(random, 0.5),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
}

void random_sync_root(struct random *random, struct arena *arena, struct message_sync_root *out)
{
    *out = (struct message_sync_root){
        .id = number(random),
        .partition = some_partition(random),
        .view_digest = number(random),
        .target = some_hash(random),
        .node = number(random),
        .actor = number(random),
        .told = some_clock(random, arena),
        .release = chance(random, 0.5),
    };
}

void random_sync_rooted(struct random *random, struct arena *arena, struct message_sync_rooted *out)
{
    *out = (struct message_sync_rooted){
        .id = number(random),
        .code = code(random),
        .refilling = chance(random, 0.5),
        .actor = number(random),
        .clock = some_clock(random, arena),
        .told = or_none(random, some_clock(random, arena)),
        .root = some_sum(random),
        .bits = (uint32_t)random_below(random, 65),
        .siblings = number(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
}

void random_sync_nodes(struct random *random, struct arena *arena, struct message_sync_nodes *out)
{
    *out = (struct message_sync_nodes){
        .id = number(random),
        .partition = some_partition(random),
        .actor = number(random),
        .view_digest = number(random),
        .depth = (uint32_t)random_below(random, 65),
        .fan = (uint32_t)random_below(random, LIMIT_SYNC_FAN + 1),
    };
    out->indexes = some_indexes(random, arena, &out->count);
}

void random_sync_sums(struct random *random, struct arena *arena, struct message_sync_sums *out)
{
    *out = (struct message_sync_sums){
        .id = number(random),
        .code = code(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
    struct wire_sum *sums = some_items(random, arena, sizeof(*sums), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        sums[i] = some_sum(random);
    }
    out->sums = sums;
}

void random_sync_leaves(struct random *random, struct arena *arena, struct message_sync_leaves *out)
{
    *out = (struct message_sync_leaves){
        .id = number(random),
        .partition = some_partition(random),
        .actor = number(random),
        .view_digest = number(random),
        .depth = (uint32_t)random_below(random, 65),
        .position = number(random),
    };
    out->indexes = some_indexes(random, arena, &out->count);
}

void random_sync_listed(struct random *random, struct arena *arena, struct message_sync_listed *out)
{
    *out = (struct message_sync_listed){
        .id = number(random),
        .code = code(random),
        .end = chance(random, 0.5),
        .next = number(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
    struct sync_entry *entries = some_items(random, arena, sizeof(*entries), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        entries[i] = (struct sync_entry){.position = number(random),
                                         .tag = (uint16_t)number(random),
                                         .actor = number(random),
                                         .counter = number(random)};
    }
    out->entries = entries;
}

void random_sync_fetch(struct random *random, struct arena *arena, struct message_sync_fetch *out)
{
    *out = (struct message_sync_fetch){
        .id = number(random),
        .partition = some_partition(random),
        .actor = number(random),
        .view_digest = number(random),
        .position = number(random),
        .until = number(random),
        .bytes_max = number(random),
    };
    struct sync_name *names = some_items(random, arena, sizeof(*names), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        names[i] = (struct sync_name){.position = number(random), .tag = (uint16_t)number(random)};
    }
    out->names = names;
}

void random_sync_fetched(struct random *random, struct arena *arena,
                         struct message_sync_fetched *out)
{
    *out = (struct message_sync_fetched){
        .id = number(random),
        .code = code(random),
        .end = chance(random, 0.5),
        .next = number(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
    struct scan_entry *entries = some_items(random, arena, sizeof(*entries), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        entries[i].position = number(random);
        entries[i].key = some_bytes(random, arena);
        entries[i].object = some_bytes(random, arena);
    }
    out->entries = entries;
}

void random_ended(struct random *random, struct arena *arena, struct message_ended *out)
{
    *out = (struct message_ended){
        .id = number(random),
        .partition = some_partition(random),
        .view_digest = number(random),
    };
    uint64_t *actors = some_items(random, arena, sizeof(*actors), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        actors[i] = number(random);
    }
    out->actors = actors;
    out->certain = chance(random, 0.5);
}

void random_ended_reply(struct random *random, struct arena *arena, struct message_ended_reply *out)
{
    *out = (struct message_ended_reply){
        .id = number(random),
        .code = code(random),
        .confirmed = number(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
}
