/* Cursors of the live feed: what is encoded is what is decoded, one place has one encoding, nothing
 * that was damaged or is another cluster's passes, and the sorted array does what a plain list of
 * places would. */
#include "property.h"

#include "base/buffer.h"
#include "node/feed_cursor.h"
#include "shoal/error.h"

#define NODES 6u
#define LANES 5u
#define CLUSTER 77u

static struct feed_place some_place(struct random *random, uint64_t node, uint32_t lane)
{
    return (struct feed_place){.node = node,
                               .lane = lane,
                               .tag = (uint32_t)random_below(random, 3),
                               .at = random_u64(random) >> random_below(random, 64)};
}

static void draw(struct random *random, struct feed_cursor *cursor)
{
    feed_cursor_init(cursor);
    cursor->known.stamp = random_u64(random) >> random_below(random, 64);
    cursor->known.gone = random_below(random, 300);
    for (uint32_t i = 0; i < NODES; i++) {
        uint64_t node = 1 + (random_u64(random) >> random_below(random, 64)) / 2;
        uint32_t lanes = (uint32_t)random_below(random, LANES);
        for (uint32_t lane = feed_cursor_lanes(cursor, node); lane < lanes; lane++) {
            struct feed_place place = some_place(random, node, lane);
            CHECK(feed_cursor_put(cursor, &place) == 0);
        }
    }
}

static void encoding_is_the_place(struct random *random)
{
    struct feed_cursor cursor;
    struct feed_cursor again;
    struct buffer bytes;
    struct buffer twice;
    draw(random, &cursor);
    feed_cursor_init(&again);
    buffer_init(&bytes, 0);
    buffer_init(&twice, 0);
    CHECK(feed_cursor_encode(&cursor, CLUSTER, 0, 0, &bytes) == 0);
    CHECK(feed_cursor_decode(buffer_bytes(&bytes), CLUSTER, &again) == 0);
    CHECK(feed_cursor_equal(&cursor, &again));
    CHECK(cursor.known.stamp == again.known.stamp && cursor.known.gone == again.known.gone);
    CHECK(feed_cursor_encode(&again, CLUSTER, 0, 0, &twice) == 0);
    CHECK(bytes_equal(buffer_bytes(&bytes), buffer_bytes(&twice)));
    CHECK(feed_cursor_decode(buffer_bytes(&bytes), CLUSTER + 1, &again) == SHOAL_EINVAL);
    CHECK(feed_cursor_equal(&cursor, &again)); /* untouched */
    buffer_deinit(&bytes);
    buffer_deinit(&twice);
    feed_cursor_deinit(&cursor);
    feed_cursor_deinit(&again);
}

/* What is left out is what cutting takes out. */
static void skipping_is_cutting(struct random *random)
{
    struct feed_cursor cursor;
    struct buffer skipped;
    struct buffer cut;
    draw(random, &cursor);
    buffer_init(&skipped, 0);
    buffer_init(&cut, 0);
    if (cursor.count > 0) {
        struct feed_place place = cursor.places[random_below(random, cursor.count)];
        CHECK(feed_cursor_encode(&cursor, CLUSTER, place.node, place.lane, &skipped) == 0);
        feed_cursor_cut(&cursor, place.node, place.lane);
        CHECK(feed_cursor_lanes(&cursor, place.node) == place.lane);
        CHECK(feed_cursor_encode(&cursor, CLUSTER, 0, 0, &cut) == 0);
        CHECK(bytes_equal(buffer_bytes(&skipped), buffer_bytes(&cut)));
    }
    buffer_deinit(&skipped);
    buffer_deinit(&cut);
    feed_cursor_deinit(&cursor);
}

static void damaged_bytes_are_refused(struct random *random)
{
    struct feed_cursor cursor;
    struct feed_cursor again;
    struct buffer bytes;
    draw(random, &cursor);
    feed_cursor_init(&again);
    buffer_init(&bytes, 0);
    CHECK(feed_cursor_encode(&cursor, CLUSTER, 0, 0, &bytes) == 0);
    size_t at = (size_t)random_below(random, bytes.len);
    size_t cut = (size_t)random_below(random, bytes.len);
    CHECK(feed_cursor_decode(bytes_make(bytes.data, cut), CLUSTER, &again) == SHOAL_EINVAL);
    bytes.data[at] ^= (uint8_t)(1u << random_below(random, 8));
    CHECK(feed_cursor_decode(buffer_bytes(&bytes), CLUSTER, &again) == SHOAL_EINVAL);
    CHECK(again.count == 0 && again.places == NULL);
    buffer_deinit(&bytes);
    feed_cursor_deinit(&cursor);
    feed_cursor_deinit(&again);
}

/* Against a table of nodes and lanes. */
static void it_is_a_list_of_places(struct random *random)
{
    struct feed_place model[NODES][LANES];
    uint32_t lanes[NODES] = {0};
    struct feed_cursor cursor;
    feed_cursor_init(&cursor);
    for (uint32_t step = 0; step < 200; step++) {
        uint32_t node = (uint32_t)random_below(random, NODES);
        uint32_t lane = (uint32_t)random_below(random, LANES);
        if (random_chance(random, 0.2)) {
            feed_cursor_cut(&cursor, node + 1, lane);
            lanes[node] = lanes[node] < lane ? lanes[node] : lane;
        } else if (lane <= lanes[node]) {
            model[node][lane] = some_place(random, node + 1, lane);
            CHECK(feed_cursor_put(&cursor, &model[node][lane]) == 0);
            lanes[node] += lane == lanes[node];
        }
        const struct feed_place *found = feed_cursor_find(&cursor, node + 1, lane);
        CHECK((found != NULL) == (lane < lanes[node]));
        CHECK(found == NULL ||
              (found->at == model[node][lane].at && found->tag == model[node][lane].tag));
        CHECK(feed_cursor_lanes(&cursor, node + 1) == lanes[node]);
    }
    feed_cursor_deinit(&cursor);
}

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    property_run(encoding_is_the_place, 5000);
}

static void lanes_left_out_are_lanes_cut(void **state)
{
    (void)state;
    property_run(skipping_is_cutting, 5000);
}

static void what_is_damaged_is_refused(void **state)
{
    (void)state;
    property_run(damaged_bytes_are_refused, 5000);
}

static void places_are_found_as_they_were_put(void **state)
{
    (void)state;
    property_run(it_is_a_list_of_places, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(lanes_left_out_are_lanes_cut),
        cmocka_unit_test(what_is_damaged_is_refused),
        cmocka_unit_test(places_are_found_as_they_were_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
