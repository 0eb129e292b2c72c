#include "replica_fixture.h"

static void on_began(void *self, const struct holding *holding)
{
    struct fixture *fixture = self;
    assert_true(holding->actor != 0);
    fixture->began++;
}

int fixture_setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fickle = fickle_engine_new(4)};
    fixture.now = (struct moment){.mono_us = 1000000, .wall_ms = WALL_MS};
    fixture.fickle->engine.now_us = fixture.now.mono_us;
    random_init(&fixture.random, 7);
    arena_init(&fixture.arena, 65536);
    replica_init(&fixture.replica, &fixture.fickle->engine, &fixture.random, &fixture.arena, 1000);
    *state = &fixture;
    if (replica_begin(&fixture.replica, PARTITION, false, &fixture.holding) < 0) {
        return -1;
    }
    fixture.replica.listener = (struct replica_listener){.self = &fixture, .began = on_began};
    fixture.key = replica_key(&fixture.replica, PARTITION, bytes_from_string("key"));
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    replica_check(&fixture->replica);
    replica_deinit(&fixture->replica);
    fixture->fickle->engine.ops->free(&fixture->fickle->engine);
    arena_deinit(&fixture->arena);
    return 0;
}

int write_over(struct fixture *fixture, struct version_vector seen, const char *value,
               struct replica_written *out)
{
    struct sibling added = {.kind = SIBLING_VALUE, .value = bytes_from_string(value)};
    return replica_write(&fixture->replica, fixture->holding, &fixture->key, seen, &added, WALL_MS,
                         out);
}

int write_unseen(struct fixture *fixture, const char *value, struct replica_written *out)
{
    return write_over(fixture, (struct version_vector){0}, value, out);
}

struct object held(struct fixture *fixture)
{
    struct object object;
    uint32_t cold_percent = fixture->fickle->cold_percent;
    fixture->fickle->cold_percent = 0;
    assert_int_equal(replica_read(&fixture->replica, &fixture->key, &object), 0);
    fixture->fickle->cold_percent = cold_percent;
    return object;
}

struct bytes made(struct fixture *fixture, const struct dot *context, uint32_t context_count,
                  const struct sibling *siblings, uint32_t sibling_count)
{
    struct buffer buffer;
    struct object object = {.context = {.entries = context, .count = context_count},
                            .siblings = siblings,
                            .sibling_count = sibling_count};
    buffer_init(&buffer, 0);
    assert_int_equal(object_encode(&object, &buffer), 0);
    struct bytes copy = arena_copy(&fixture->arena, buffer_bytes(&buffer));
    buffer_deinit(&buffer);
    return copy;
}

struct bytes foreign(struct fixture *fixture, uint64_t actor, uint64_t counter, const char *value)
{
    struct dot dot = {.actor = actor, .counter = counter};
    struct sibling sibling = {.dot = dot, .hlc = 5, .value = bytes_from_string(value)};
    return made(fixture, &dot, 1, &sibling, 1);
}

struct bytes deletion(struct fixture *fixture, uint64_t actor, uint64_t counter)
{
    struct dot dot = {.actor = actor, .counter = counter};
    struct sibling sibling = {.dot = dot, .hlc = 5, .kind = SIBLING_TOMBSTONE};
    return made(fixture, &dot, 1, &sibling, 1);
}

int store(struct fixture *fixture, struct bytes encoded)
{
    return replica_store(&fixture->replica, &fixture->key, encoded, WALL_MS, NULL);
}

void upkeep(struct fixture *fixture)
{
    for (uint32_t turn = 0; turn < 1000; turn++) {
        uint64_t next_us = replica_step(&fixture->replica, fixture->now, 64);
        if (next_us > fixture->now.mono_us && fixture->fickle->read_count == 0) {
            return;
        }
        fickle_engine_read_all(fixture->fickle);
    }
    fail_msg("the replica does not come to rest");
}

void pass_ms(struct fixture *fixture, uint64_t ms)
{
    fixture->now.mono_us += ms * 1000;
    fixture->now.wall_ms += ms;
    fixture->fickle->engine.now_us = fixture->now.mono_us;
}
