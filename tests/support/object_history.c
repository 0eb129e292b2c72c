/* The scheduler of one key's life, and the oracle that judges objects by the writes themselves
 * instead of by the merge rule. */
#include "support/object_history.h"

#include "base/assert.h"

#define VALUE_BYTES_MAX 40u

static void keep(struct object_history *history, const struct object *object)
{
    history->objects[history->object_count % HISTORY_OBJECTS_MAX] = *object;
    history->object_count++;
}

void history_init(struct object_history *history, struct arena *arena, uint64_t seed)
{
    memset(history, 0, sizeof(*history));
    history->arena = arena;
    random_init(&history->random, seed);
    history->replica_count = 2 + (uint32_t)random_below(&history->random, HISTORY_REPLICAS_MAX - 1);
    for (uint32_t i = 0; i < history->replica_count; i++) {
        history->replicas[i].actor = random_id(&history->random);
    }
    struct object empty = object_empty();
    keep(history, &empty);
}

const struct object *history_pick(struct object_history *history)
{
    uint32_t count = history->object_count;
    if (count > HISTORY_OBJECTS_MAX) {
        count = HISTORY_OBJECTS_MAX;
    }
    return &history->objects[random_below(&history->random, count)];
}

static struct bytes random_value(struct object_history *history)
{
    size_t len = (size_t)random_below(&history->random, VALUE_BYTES_MAX);
    uint8_t *value = arena_alloc(history->arena, len);
    ASSERT(value != NULL);
    for (size_t i = 0; i < len; i++) {
        value[i] = (uint8_t)random_u64(&history->random);
    }
    return bytes_make(value, len);
}

static struct sibling random_sibling(struct object_history *history,
                                     struct history_replica *replica)
{
    struct random *random = &history->random;
    struct sibling sibling = {.dot = {replica->actor, ++replica->counter}};
    history->hlc += 1 + random_below(random, UINT64_C(1) << random_below(random, 40));
    sibling.hlc = history->hlc;
    sibling.kind = (uint8_t)random_below(random, 3);
    if (sibling.kind != SIBLING_TOMBSTONE) {
        sibling.value = random_value(history);
        sibling.expiry_ms = random_chance(random, 0.3) ? random_id(random) : 0;
    }
    return sibling;
}

/* A context as clients send them: none, the newest of this replica, or any old one of any. */
static struct version_vector random_context(struct object_history *history,
                                            const struct history_replica *replica)
{
    switch (random_below(&history->random, 4)) {
    case 0:
        return (struct version_vector){0};
    case 1:
        return history_pick(history)->context;
    default:
        return replica->object.context;
    }
}

static void write_step(struct object_history *history, struct history_replica *replica)
{
    if (history->write_count == HISTORY_WRITES_MAX) {
        return;
    }
    struct history_write *write = &history->writes[history->write_count];
    write->seen = random_context(history, replica);
    write->sibling = random_sibling(history, replica);
    int error = object_write(history->arena, &replica->object, write->seen, &write->sibling,
                             &replica->object);
    ASSERT(error == 0);
    history->write_count++;
}

static void receive_step(struct object_history *history, struct history_replica *replica)
{
    int error =
        object_merge(history->arena, &replica->object, history_pick(history), &replica->object);
    ASSERT(error == 0);
}

static void forget_step(struct object_history *history, struct history_replica *replica)
{
    replica->object = *history_pick(history);
    replica->actor = random_id(&history->random);
    replica->counter = 0;
}

void history_step(struct object_history *history)
{
    struct random *random = &history->random;
    struct history_replica *replica =
        &history->replicas[random_below(random, history->replica_count)];
    uint64_t luck = random_below(random, 100);
    if (luck < 50) {
        write_step(history, replica);
    } else if (luck < 97) {
        receive_step(history, replica);
    } else {
        forget_step(history, replica);
    }
    keep(history, &replica->object);
}

static const struct sibling *find_sibling(const struct object *object, struct dot dot)
{
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (dot_equal(object->siblings[i].dot, dot)) {
            return &object->siblings[i];
        }
    }
    return NULL;
}

/* Whether a write that the object knows of had seen the dot. */
static bool was_replaced(const struct object_history *history, const struct object *object,
                         struct dot dot)
{
    for (uint32_t i = 0; i < history->write_count; i++) {
        const struct history_write *write = &history->writes[i];
        if (version_vector_covers(object->context, write->sibling.dot) &&
            version_vector_covers(write->seen, dot)) {
            return true;
        }
    }
    return false;
}

bool history_explains(const struct object_history *history, const struct object *object)
{
    uint32_t expected = 0;
    for (uint32_t i = 0; i < history->write_count; i++) {
        const struct sibling *written = &history->writes[i].sibling;
        if (!version_vector_covers(object->context, written->dot) ||
            was_replaced(history, object, written->dot)) {
            continue;
        }
        const struct sibling *held = find_sibling(object, written->dot);
        if (held == NULL || held->hlc != written->hlc || held->kind != written->kind ||
            held->expiry_ms != written->expiry_ms || !bytes_equal(held->value, written->value)) {
            return false;
        }
        expected++;
    }
    return expected == object->sibling_count;
}
