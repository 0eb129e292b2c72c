/* Whether an object is read before it is overwritten is not to be seen in what is held: random
 * lives of one key, on holders that go by the engine's briefs, on holders that must always read,
 * and on holders whose reads have to wait, come to the same bytes after every step. */
#include "property.h"

#include "base/limits.h"
#include "replica/replica.h"
#include "shoal/error.h"
#include "support/fickle_engine.h"

#define NODES 3u
#define STEPS 80u
#define SEEN_MAX 64u
#define PARTITION 1u
#define WALL_MS 1000000u

/* How a holder comes to know what it holds. */
enum way { BRIEF, READING, WAITING, WAYS };

struct holder {
    struct fickle_engine *fickle;
    struct random random;
    struct replica replica;
    struct holding *holding;
};

static struct holder holders[NODES][WAYS];
static struct arena arena;
static struct engine_key key;
static struct buffer past[SEEN_MAX]; /* objects that were held somewhere at some time */
static uint32_t past_count;
static uint64_t gets[WAYS];
static uint64_t waited;

static void holder_init(struct holder *holder, enum way way, uint64_t seed)
{
    holder->fickle = fickle_engine_new(2);
    holder->fickle->is_secretive = way == READING;
    holder->fickle->cold_percent = way == WAITING ? 60 : 0;
    random_init(&holder->random, seed);
    replica_init(&holder->replica, &holder->fickle->engine, &holder->random, &arena, 1000);
    CHECK(replica_begin(&holder->replica, PARTITION, false, &holder->holding) == 0);
    key = replica_key(&holder->replica, PARTITION, bytes_from_string("key"));
}

static void holder_deinit(struct holder *holder, enum way way)
{
    gets[way] += holder->fickle->gets;
    waited += holder->fickle->reads_waited;
    replica_check(&holder->replica);
    replica_deinit(&holder->replica);
    holder->fickle->engine.ops->free(&holder->fickle->engine);
}

/* What a test does while a read waits: all of it again. */
static bool again(struct holder *holder, int result)
{
    if (result != REPLICA_PENDING) {
        return false;
    }
    fickle_engine_read_all(holder->fickle);
    return true;
}

static struct bytes held(struct holder *holder)
{
    struct bytes encoded;
    uint32_t cold_percent = holder->fickle->cold_percent;
    holder->fickle->cold_percent = 0;
    CHECK(replica_read_encoded(&holder->replica, &key, &encoded) == 0);
    holder->fickle->cold_percent = cold_percent;
    return encoded;
}

static void remember(struct bytes encoded)
{
    struct buffer *slot = &past[past_count++ % SEEN_MAX];
    buffer_clear(slot);
    CHECK(encoded.data == NULL || buffer_append_bytes(slot, encoded) == 0);
}

static struct bytes recall(struct random *random)
{
    uint64_t count = past_count < SEEN_MAX ? past_count : SEEN_MAX;
    return count == 0 ? (struct bytes){0} : buffer_bytes(&past[random_below(random, count)]);
}

static struct version_vector context_of(struct bytes encoded)
{
    struct object object = object_empty();
    CHECK(encoded.len == 0 || object_decode(&arena, encoded, &object) == 0);
    return object.context;
}

/* ---- steps, done alike in each way ---- */

static int write_in(struct holder *holder, struct version_vector seen, struct bytes value)
{
    struct replica_written written;
    struct sibling added = {.value = value};
    int result;
    do {
        result =
            replica_write(&holder->replica, holder->holding, &key, seen, &added, WALL_MS, &written);
    } while (again(holder, result));
    return result;
}

/* As a client's put without a context is carried out. */
static int overwrite_in(struct holder *holder, struct bytes value)
{
    struct version_vector seen;
    int result;
    do {
        result = replica_context(&holder->replica, &key, &seen);
    } while (again(holder, result));
    return result < 0 ? result : write_in(holder, seen, value);
}

static int store_in(struct holder *holder, struct bytes encoded)
{
    int result;
    do {
        result = replica_store(&holder->replica, &key, encoded, WALL_MS, NULL);
    } while (again(holder, result));
    return result;
}

static void forget_in(struct holder *holder)
{
    CHECK(replica_drop(&holder->replica, PARTITION) == 0);
    CHECK(replica_begin(&holder->replica, PARTITION, true, &holder->holding) == 0);
}

static struct bytes some_value(struct random *random)
{
    uint8_t *value = arena_alloc(&arena, 8);
    CHECK(value != NULL);
    uint64_t number = random_u64(random);
    memcpy(value, &number, sizeof(number));
    return bytes_make(value, 1 + (size_t)random_below(random, 8));
}

static void step(struct random *random)
{
    struct holder *ways = holders[random_below(random, NODES)];
    uint64_t luck = random_below(random, 100);
    struct bytes value = some_value(random);
    struct bytes old = recall(random);
    struct version_vector seen = context_of(random_chance(random, 0.2) ? (struct bytes){0} : old);
    int results[WAYS] = {0};
    for (int way = 0; way < WAYS; way++) {
        struct holder *holder = &ways[way];
        if (luck < 25) {
            results[way] = overwrite_in(holder, value);
        } else if (luck < 50) {
            results[way] = write_in(holder, seen, value);
        } else if (luck < 97) {
            results[way] = old.len == 0 ? 0 : store_in(holder, old);
        } else {
            forget_in(holder);
        }
    }
    struct bytes first = held(&ways[0]);
    for (int way = 1; way < WAYS; way++) {
        CHECK(results[way] == results[0]);
        CHECK(bytes_equal(held(&ways[way]), first));
        CHECK(ways[way].holding->actor == ways[0].holding->actor);
        CHECK(ways[way].replica.clock.last == ways[0].replica.clock.last);
    }
    remember(first);
}

static void lives_are_alike(struct random *random)
{
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    past_count = 0;
    for (uint32_t node = 0; node < NODES; node++) {
        uint64_t seed = random_u64(random);
        for (int way = 0; way < WAYS; way++) {
            holder_init(&holders[node][way], (enum way)way, seed);
        }
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        arena_reset(&arena);
        step(random);
    }
    for (uint32_t node = 0; node < NODES; node++) {
        for (int way = 0; way < WAYS; way++) {
            holder_deinit(&holders[node][way], (enum way)way);
        }
    }
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        buffer_deinit(&past[i]);
    }
    arena_deinit(&arena);
}

static void what_is_held_does_not_tell_whether_it_was_read_before(void **state)
{
    (void)state;
    property_run(lives_are_alike, 300);
    assert_true(gets[BRIEF] < gets[READING]);
    assert_true(waited > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_does_not_tell_whether_it_was_read_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
