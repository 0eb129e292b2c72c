/* Reads and writes: what the owner that coordinates does. A read takes the first R answers and
 * leaves out what another answer's clock knows to be gone. A write without a context goes out at
 * once and is *verified*: it counts when N-W+1 complete owners have said that they hold nothing it
 * did not replace; else R owners are read, and it is written again. */
#include "versions_world.h"

#include <stdlib.h>

#define CLEAN_NEEDED (WORLD_OWNERS - WORLD_W + 1)

static uint32_t bits_count(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

static struct request *request_add(struct world *world)
{
    if (world->request_count == world->request_capacity) {
        world->request_capacity = world->request_capacity == 0 ? 32 : world->request_capacity * 2;
        world->requests =
            realloc(world->requests, world->request_capacity * sizeof(*world->requests));
        if (world->requests == NULL) {
            abort();
        }
    }
    struct request *request = &world->requests[world->request_count++];
    *request = (struct request){.id = world_next_id(world)};
    return request;
}

static struct request *request_find(struct world *world, uint64_t id, bool is_write)
{
    for (uint32_t i = 0; i < world->request_count; i++) {
        if (world->requests[i].id == id && world->requests[i].is_write == is_write) {
            return &world->requests[i];
        }
    }
    return NULL;
}

static void request_remove(struct world *world, struct request *request)
{
    *request = world->requests[--world->request_count];
}

void requests_end(struct world *world, uint32_t coordinator)
{
    for (uint32_t i = world->request_count; i > 0; i--) {
        if (world->requests[i - 1].coordinator == coordinator) {
            request_remove(world, &world->requests[i - 1]);
        }
    }
}

/* ---- reads ---- */

static void read_begin(struct world *world, uint32_t coordinator, uint32_t key,
                       struct intent intent, const struct dots *acked)
{
    struct request *request = request_add(world);
    request->coordinator = coordinator;
    request->key = key;
    request->intent = intent;
    request->acked = *acked;
    world->reads++;
    uint64_t id = request->id;
    world_say(world, "read %u of key %u at %u%s", (unsigned)id, key, coordinator,
              intent.writes ? ", for a write" : "");
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        struct message ask = {.kind = ASK, .to = i, .id = id, .key = key};
        member_send(world, &ask);
    }
}

void read_start(struct world *world, uint32_t coordinator, uint32_t key, struct intent intent)
{
    read_begin(world, coordinator, key, intent, &world->acked);
}

void requests_ask(struct world *world, const struct message *message)
{
    struct owner *owner = world->owners[message->to];
    if (request_find(world, message->id, false) == NULL ||
        (owner->refilling && !world_breaks(world, MUTANT_count_refilling))) {
        return;
    }
    struct message answer = {
        .kind = ANSWER,
        .to = message->to,
        .from = message->to,
        .id = message->id,
        .object = world->ops->get(owner, message->key),
        .clock = world->ops->clock(owner),
    };
    answer.clock = world_copy_clock(world, answer.clock);
    member_send(world, &answer);
}

static struct object read_merged(struct world *world, const struct request *request)
{
    struct object whole = object_empty();
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        if ((request->answered >> i & 1) == 0) {
            continue;
        }
        struct object object = request->objects[i];
        for (uint32_t j = 0; j < WORLD_OWNERS; j++) {
            const struct object *theirs = &request->objects[j];
            bool tells = !world_breaks(world, MUTANT_no_clock) &&
                         (!world_breaks(world, MUTANT_no_recheck) || theirs->sibling_count == 0);
            if (j != i && (request->answered >> j & 1) != 0 && tells) {
                object = world_leave_out(world, &object, request->clocks[j], theirs);
            }
        }
        if (object_merge(&world->arena, &whole, &object, &whole) != 0) {
            abort();
        }
    }
    return whole;
}

static void read_repair(struct world *world, const struct request *request,
                        const struct object *whole)
{
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        if ((request->answered >> i & 1) != 0 && whole->sibling_count > 0 &&
            !object_equal(&request->objects[i], whole)) {
            struct message repair = {
                .kind = OBJECT, .to = i, .key = request->key, .object = *whole};
            member_send(world, &repair);
        }
    }
}

static void read_done(struct world *world, const struct request *request)
{
    struct object whole = read_merged(world, request);
    world_say(world, "read %u answered by %x: %s", (unsigned)request->id, request->answered,
              object_text(world, &whole));
    oracle_judge(world, request->key, &whole, &request->acked, "a read");
    struct dots seen = oracle_closure(world, &whole);
    if (request->intent.writes) {
        struct dots claimed = oracle_claimable(world, &request->acked);
        dots_join(&seen, &claimed);
        write_start(world, request->coordinator, request->key, request->intent, whole.context,
                    &seen, false);
        return;
    }
    uint32_t at = world->token_count[request->key]++ % WORLD_TOKENS;
    world->tokens[request->key][at] = (struct token){.context = whole.context, .seen = seen};
    read_repair(world, request, &whole);
}

void requests_answer(struct world *world, const struct message *message)
{
    struct request *request = request_find(world, message->id, false);
    if (request == NULL) {
        return;
    }
    request->answered |= 1u << message->from;
    request->objects[message->from] = message->object;
    request->clocks[message->from] = message->clock;
    if (bits_count(request->answered) >= WORLD_R) {
        struct request done = *request;
        request_remove(world, request);
        read_done(world, &done);
    }
}

/* ---- writes ---- */

static void write_spread(struct world *world, uint32_t coordinator, uint32_t key, uint64_t id)
{
    struct owner *owner = world->owners[coordinator];
    struct object object = world->ops->get(owner, key);
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        struct message message = {
            .kind = OBJECT, .to = i, .key = key, .id = id, .object = object, .actor = owner->actor};
        if (i == coordinator) {
            continue;
        }
        if (world_chance(world, 0.3)) { /* not to be reached: somebody else keeps it for them */
            message.to = WORLD_OWNERS + world_below(world, WORLD_FALLBACKS);
        }
        member_send(world, &message);
    }
}

void write_start(struct world *world, uint32_t coordinator, uint32_t key, struct intent intent,
                 struct version_vector context, const struct dots *seen, bool verified)
{
    struct owner *owner = world->owners[coordinator];
    struct object before = world->ops->get(owner, key);
    struct dot dot = world->ops->write(owner, key, context, intent.kind, intent.expires);
    struct object after = world->ops->get(owner, key);
    uint32_t number = oracle_issue(world, key, dot, seen);
    if (world->failure[0] == 0 && !object_has(&after, dot)) {
        world_fail(world, "the holding %u, which goes on, has forgotten dots of its own",
                   coordinator);
    }
    struct request *request = request_add(world);
    request->is_write = true;
    request->coordinator = coordinator;
    request->key = key;
    request->intent = intent;
    request->acked = world->acked;
    request->dot = number;
    request->confirmed = 1u << coordinator;
    request->clean = owner->refilling ? 0 : 1u << coordinator;
    request->verified = verified;
    world->writes++;
    world_say(world, "write %u at %u of key %u: %x.%u%s over %s -> %s", (unsigned)request->id,
              coordinator, key, (unsigned)dot.actor & 0xffff, (unsigned)dot.counter,
              verified ? ", verified," : "", object_text(world, &before),
              object_text(world, &after));
    write_spread(world, coordinator, key, request->id);
}

/* Acknowledged, by as many owners as that takes, or with a fallback's help. */
static void write_acknowledge(struct world *world, const struct request *request)
{
    uint32_t owners = request->confirmed & ((1u << WORLD_OWNERS) - 1);
    if (world_breaks(world, MUTANT_hint_counts_owner)) {
        owners = request->confirmed;
    }
    struct dots *book = bits_count(owners) >= WORLD_W ? &world->acked : &world->acked_hint;
    if (dots_have(book, request->dot)) {
        return;
    }
    if (request->verified) {
        struct dots claimed = oracle_claimable(world, &request->acked);
        oracle_claim(world, request->dot, &claimed);
    }
    world->acks++;
    dots_add(book, request->dot);
    world_say(world, "write %u acknowledged by %x", (unsigned)request->id, request->confirmed);
}

void requests_confirm(struct world *world, const struct message *message)
{
    struct request *request = request_find(world, message->id, true);
    if (request == NULL) {
        return;
    }
    request->confirmed |= 1u << message->from;
    if (message->from < WORLD_OWNERS && !message->refilling && !message->concurrent) {
        request->clean |= 1u << message->from;
    }
    bool heeds = request->verified && !world_breaks(world, MUTANT_deaf_delete);
    if (heeds && message->from < WORLD_OWNERS && message->concurrent) {
        struct request again = *request;
        request_remove(world, request);
        world_say(world, "write %u met something it did not replace", (unsigned)again.id);
        read_begin(world, again.coordinator, again.key, again.intent, &again.acked);
        return;
    }
    if (bits_count(request->confirmed) >= WORLD_W &&
        (!heeds || bits_count(request->clean) >= CLEAN_NEEDED)) {
        write_acknowledge(world, request);
    }
}

void expire_start(struct world *world, uint32_t coordinator, uint32_t key)
{
    struct owner *owner = world->owners[coordinator];
    struct object object = world->ops->get(owner, key);
    for (uint32_t i = 0; i < object.sibling_count; i++) {
        if (object.siblings[i].expiry_ms == 0) {
            continue;
        }
        struct dots seen = {0};
        uint32_t replaced = oracle_find(world, object.siblings[i].dot);
        dots_add(&seen, replaced);
        dots_join(&seen, &world->dots[replaced].replaced);
        struct dot dot = world->ops->expire(owner, key, object.siblings[i].dot);
        oracle_issue(world, key, dot, &seen);
        world_say(world, "%u lets %x.%u expire", coordinator,
                  (unsigned)object.siblings[i].dot.actor & 0xffff,
                  (unsigned)object.siblings[i].dot.counter);
        write_spread(world, coordinator, key, 0);
        return;
    }
}

/* What no fallback may do. */
void fallback_write(struct world *world, uint32_t fallback, uint32_t key, struct intent intent)
{
    struct fallback *at = &world->fallbacks[fallback];
    at->next_counter = at->count > 0 ? at->next_counter + 1 : 1;
    struct sibling added = {.dot = {.actor = 0xf0 + fallback, .counter = at->next_counter},
                            .kind = (uint8_t)intent.kind};
    struct object empty = object_empty();
    struct object written;
    struct dots nothing = {0};
    if (object_write(&world->arena, &empty, (struct version_vector){0}, &added, &written) == 0) {
        oracle_issue(world, key, added.dot, &nothing);
        fallback_leave(world, fallback, key, &written);
    }
}
