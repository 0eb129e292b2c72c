/* The client's copy of the layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/map.h"
#include "ring/partition.h"
#include "shoal/error.h"

#define PARTITIONS 4u

static uint16_t owners[PARTITIONS * 2] = {0, 1, 1, 0, 0, 1, 1, 0};
static struct status_node nodes[2];

static struct message_ring_reply ring_make(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        nodes[i] = (struct status_node){
            .id = 10 + i,
            .host = bytes_from_string("example"),
            .client_port = 3001 + i,
        };
    }
    return (struct message_ring_reply){
        .layout_version = 5,
        .partitions = PARTITIONS,
        .replicas = 2,
        .nodes = nodes,
        .node_count = 2,
        .owners = owners,
    };
}

static void a_key_leads_to_the_owners_of_its_partition(void **state)
{
    (void)state;
    struct message_ring_reply ring = ring_make();
    struct map *map = NULL;
    assert_int_equal(map_new(&ring, &map), 0);
    for (const char *letter = "abcdefghijklmnopqrstuvwxyz"; *letter != '\0'; letter++) {
        struct bytes key = bytes_make(letter, 1);
        uint32_t partition = partition_of_key(key, PARTITIONS);
        const uint16_t *found = map_owners(map, key);
        assert_int_equal(found[0], partition % 2);
        assert_int_equal(found[1], 1 - partition % 2);
    }
    assert_string_equal(map->nodes[1].host, "example");
    assert_int_equal(map->nodes[1].port, 3002);
    map_free(map);
}

static void a_ring_that_does_not_hold_together_is_refused(void **state)
{
    (void)state;
    struct map *map = NULL;
    struct message_ring_reply ring = ring_make();
    ring.partitions = 3;
    assert_int_equal(map_new(&ring, &map), SHOAL_EPROTO);
    ring = ring_make();
    ring.replicas = 0;
    assert_int_equal(map_new(&ring, &map), SHOAL_EPROTO);
    ring = ring_make();
    ring.node_count = 1; /* an owner lies beyond */
    assert_int_equal(map_new(&ring, &map), SHOAL_EPROTO);
    ring = ring_make();
    ring.node_count = 0;
    assert_int_equal(map_new(&ring, &map), SHOAL_EPROTO);
    assert_null(map);
}

static void a_node_without_a_usable_address_is_kept_but_not_asked(void **state)
{
    (void)state;
    struct message_ring_reply ring = ring_make();
    nodes[0].host = bytes_make("a\0b", 3);
    nodes[1].client_port = 70000;
    struct map *map = NULL;
    assert_int_equal(map_new(&ring, &map), 0);
    assert_string_equal(map->nodes[0].host, "");
    assert_int_equal(map->nodes[1].port, 0);
    map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_leads_to_the_owners_of_its_partition),
        cmocka_unit_test(a_ring_that_does_not_hold_together_is_refused),
        cmocka_unit_test(a_node_without_a_usable_address_is_kept_but_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
