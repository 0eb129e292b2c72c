/* Node records: which of two is newer, and which wire records are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "member/record.h"
#include "shoal/error.h"

static struct node_record record_of(uint64_t generation, uint64_t version, uint64_t heartbeat)
{
    return (struct node_record){
        .id = 7,
        .generation = generation,
        .version = version,
        .heartbeat = heartbeat,
        .name = "node1",
        .zone = "a",
        .host = "127.0.0.1",
        .client_port = 3001,
        .peer_port = 4001,
        .redis_port = 6301,
        .http_port = 8001,
        .state = NODE_UP,
        .keys = generation * 100 + version,
        .bytes = 2,
        .hints = 3,
        .pending_sync = 4,
        .storage = NODE_STORAGE_FULL,
        .releasing = 14,
        .sync_rate = 15,
        .memory = 16,
        .ops = 17,
        .ops_rate = 18,
    };
}

static void a_higher_generation_wins_with_all_it_says(void **state)
{
    (void)state;
    struct node_record into = record_of(1, 9, 900);
    struct node_record from = record_of(2, 1, 3);
    assert_int_equal(node_record_merge(&into, &from), 1);
    assert_int_equal(into.generation, 2);
    assert_int_equal(into.version, 1);
    assert_int_equal(into.heartbeat, 3);
    assert_int_equal(into.keys, 201);
}

static void a_lower_generation_never_counts_whatever_its_heartbeat(void **state)
{
    (void)state;
    struct node_record into = record_of(2, 1, 3);
    struct node_record from = record_of(1, 99, 99999);
    assert_int_equal(node_record_merge(&into, &from), 0);
    assert_int_equal(into.heartbeat, 3);
    assert_int_equal(into.keys, 201);
}

static void version_and_heartbeat_are_taken_each_from_where_it_is_newer(void **state)
{
    (void)state;
    struct node_record into = record_of(1, 5, 10);
    struct node_record from = record_of(1, 4, 11);
    assert_int_equal(node_record_merge(&into, &from), 2);
    assert_int_equal(into.heartbeat, 11);
    assert_int_equal(into.keys, 105);

    from = record_of(1, 6, 2);
    assert_int_equal(node_record_merge(&into, &from), 1);
    assert_int_equal(into.heartbeat, 11);
    assert_int_equal(into.keys, 106);

    assert_int_equal(node_record_merge(&into, &from), 0);
}

static void records_travel_unchanged(void **state)
{
    (void)state;
    struct node_record record = record_of(3, 4, 5);
    memset(record.zone, 'z', LIMIT_NAME_BYTES);
    struct wire_record wire;
    node_record_to_wire(&record, &wire);
    struct node_record back;
    assert_int_equal(node_record_from_wire(&wire, &back), 0);
    assert_true(node_record_same(&record, &back));
    assert_int_equal(back.id, 7);
    assert_int_equal(back.generation, 3);
    assert_int_equal(back.version, 4);
    assert_int_equal(back.heartbeat, 5);
}

static void sameness_sees_every_field_that_is_told(void **state)
{
    (void)state;
    struct node_record a = record_of(1, 1, 1);
    struct node_record b;
#define DIFFERS(change)                                                                            \
    do {                                                                                           \
        b = a;                                                                                     \
        change;                                                                                    \
        assert_false(node_record_same(&a, &b));                                                    \
    } while (0)
    DIFFERS(b.name[0] = 'x');
    DIFFERS(b.zone[0] = 'x');
    DIFFERS(b.host[0] = 'x');
    DIFFERS(b.client_port++);
    DIFFERS(b.peer_port++);
    DIFFERS(b.redis_port++);
    DIFFERS(b.http_port++);
    DIFFERS(b.state = NODE_LEAVING);
    DIFFERS(b.keys++);
    DIFFERS(b.bytes++);
    DIFFERS(b.hints++);
    DIFFERS(b.pending_sync++);
    DIFFERS(b.storage++);
    DIFFERS(b.releasing++);
    DIFFERS(b.sync_rate++);
    DIFFERS(b.memory++);
    DIFFERS(b.ops++);
    DIFFERS(b.ops_rate++);
#undef DIFFERS
    b = a;
    b.heartbeat++;
    b.version++;
    b.generation++;
    assert_true(node_record_same(&a, &b));
}

static void assert_refused(const struct wire_record *wire)
{
    struct node_record out = record_of(1, 1, 1);
    assert_int_equal(node_record_from_wire(wire, &out), SHOAL_EPROTO);
    assert_int_equal(out.id, 7); /* untouched */
}

static void ill_formed_records_are_refused(void **state)
{
    (void)state;
    struct node_record record = record_of(1, 1, 1);
    struct wire_record good;
    node_record_to_wire(&record, &good);
    char text[LIMIT_NAME_BYTES + 1];
    memset(text, 'n', sizeof(text));

    struct wire_record wire = good;
    wire.id = 0;
    assert_refused(&wire);
    wire = good;
    wire.generation = NODE_RECORD_GENERATION_MAX + 1;
    assert_refused(&wire);
    wire = good;
    wire.name = bytes_make(text, sizeof(text));
    assert_refused(&wire);
    wire = good;
    wire.zone = bytes_make(text, sizeof(text));
    assert_refused(&wire);
    wire = good;
    wire.host = bytes_make("a\0b", 3);
    assert_refused(&wire);
    wire = good;
    wire.peer_port = 65536;
    assert_refused(&wire);
    wire = good;
    wire.client_port = UINT32_MAX;
    assert_refused(&wire);
    wire = good;
    wire.redis_port = 65536;
    assert_refused(&wire);
    wire = good;
    wire.http_port = 65536;
    assert_refused(&wire);
}

static void a_node_cannot_call_itself_suspect_or_down(void **state)
{
    (void)state;
    struct node_record record = record_of(1, 1, 1);
    struct wire_record wire;
    node_record_to_wire(&record, &wire);
    const uint32_t refused[] = {NODE_SUSPECT, NODE_DOWN, NODE_REFILLING + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        wire.state = refused[i];
        assert_refused(&wire);
    }
    const uint32_t taken[] = {NODE_UP, NODE_JOINING, NODE_LEAVING, NODE_LEFT, NODE_REFILLING};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        wire.state = taken[i];
        struct node_record out;
        assert_int_equal(node_record_from_wire(&wire, &out), 0);
        assert_int_equal(out.state, taken[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_higher_generation_wins_with_all_it_says),
        cmocka_unit_test(a_lower_generation_never_counts_whatever_its_heartbeat),
        cmocka_unit_test(version_and_heartbeat_are_taken_each_from_where_it_is_newer),
        cmocka_unit_test(records_travel_unchanged),
        cmocka_unit_test(sameness_sees_every_field_that_is_told),
        cmocka_unit_test(ill_formed_records_are_refused),
        cmocka_unit_test(a_node_cannot_call_itself_suspect_or_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
