#include "sim_traffic.h"

#include "base/arena.h"
#include "wire/frame.h"
#include "wire/messages.h"

static void take_view(struct sim_traffic *traffic, const struct message_gossip *gossip)
{
    size_t len = gossip->view.len + gossip->brief.len;
    traffic->views += len > 0;
    traffic->view_bytes += len;
}

/* Gossip is decoded, to see whether it carries a view. */
static void take_gossip(struct sim_traffic *traffic, uint32_t kind, struct bytes payload)
{
    struct arena arena;
    struct message_gossip gossip;
    struct message_gossip_reply reply;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    if (kind == MESSAGE_GOSSIP && message_gossip_decode(payload, &arena, &gossip) == 0) {
        take_view(traffic, &gossip);
    } else if (kind == MESSAGE_GOSSIP_REPLY &&
               message_gossip_reply_decode(payload, &arena, &reply) == 0) {
        take_view(traffic, &reply.gossip);
    }
    arena_deinit(&arena);
}

void sim_traffic_take(struct sim_traffic *traffic, struct bytes frame)
{
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    uint32_t kind;
    uint64_t id;
    if (frame_peek(payload, &kind, &id) != 0 || kind >= SIM_TRAFFIC_KINDS) {
        return;
    }
    traffic->frames[kind]++;
    traffic->bytes[kind] += frame.len;
    if (kind == MESSAGE_GOSSIP || kind == MESSAGE_GOSSIP_REPLY) {
        take_gossip(traffic, kind, payload);
    }
}

uint64_t sim_traffic_gossip_bytes(const struct sim_traffic *traffic)
{
    return traffic->bytes[MESSAGE_GOSSIP] + traffic->bytes[MESSAGE_GOSSIP_REPLY];
}

uint64_t sim_traffic_bytes(const struct sim_traffic *traffic)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SIM_TRAFFIC_KINDS; i++) {
        sum += traffic->bytes[i];
    }
    return sum;
}
