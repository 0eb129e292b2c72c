/* How nodes show in STATUS while the cluster's membership changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/native_nodes.h"

#define NODES 5u

struct fixture {
    struct arena arena;
    struct snapshot_node known[NODES];
    struct snapshot snapshot;
};

static struct role role_of(uint64_t node, enum role_kind kind, bool staged)
{
    struct role role = {
        .node = node, .author = 1, .kind = (uint32_t)kind, .weight = 10, .staged = staged};
    snprintf(role.name, sizeof(role.name), "node%u", (unsigned)node);
    snprintf(role.zone, sizeof(role.zone), "zone%u", (unsigned)node);
    return role;
}

/* Takes the step's view, if it made one. */
static void step(struct fixture *fixture, int code, struct view *next)
{
    assert_in_range(code, 0, 1);
    view_unref(fixture->snapshot.view);
    fixture->snapshot.view = next;
}

static void ask(struct fixture *fixture, struct role role)
{
    struct view *next = NULL;
    int code = view_with_role(fixture->snapshot.view, &role, &next);
    step(fixture, code, next);
}

static void commit(struct fixture *fixture)
{
    struct view *next = NULL;
    int code = view_commit(fixture->snapshot.view, &next);
    step(fixture, code, next);
}

static void mark(struct fixture *fixture, enum mark_kind kind, uint64_t node)
{
    struct view *next = NULL;
    int code = view_with_mark(fixture->snapshot.view, &view_newest(fixture->snapshot.view)->key,
                              kind, node, &next);
    step(fixture, code, next);
}

/* Node 1 founds, nodes up to `members` are in the first layout after it and have been heard of. */
static void found(struct fixture *fixture, uint32_t members)
{
    struct cluster_facts facts = {.id = 77, .partitions = 16, .n = 3, .r = 2, .w = 2};
    snprintf(facts.name, sizeof(facts.name), "cluster");
    struct role founder = role_of(1, ROLE_IN, false);
    assert_int_equal(view_found(&facts, &founder, &fixture->snapshot.view), 0);
    for (uint64_t node = 2; node <= members; node++) {
        ask(fixture, role_of(node, ROLE_IN, false));
    }
    commit(fixture);
    for (uint32_t i = 0; i < members; i++) {
        fixture->known[i] = (struct snapshot_node){.state = NODE_UP, .weight = 10};
        fixture->known[i].record.id = i + 1;
        fixture->known[i].record.releasing = 4;
        fixture->known[i].record.sync_rate = 1000;
    }
    fixture->snapshot.nodes = fixture->known;
    fixture->snapshot.node_count = members;
    fixture->snapshot.self = 1;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    arena_init(&fixture.arena, LIMIT_MIB);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    view_unref(fixture->snapshot.view);
    arena_deinit(&fixture->arena);
    return 0;
}

static const struct status_node *find(struct fixture *fixture, uint64_t node)
{
    uint32_t count = 0;
    const struct status_node *nodes =
        native_list_nodes(&fixture->arena, &fixture->snapshot, &count);
    assert_non_null(nodes);
    const struct status_node *found = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (nodes[i].id == node) {
            assert_null(found);
            found = &nodes[i];
        }
    }
    return found;
}

static void assert_change(struct fixture *fixture, uint64_t node, enum change_kind kind,
                          bool staged)
{
    const struct status_node *found = find(fixture, node);
    assert_non_null(found);
    assert_int_equal(found->change, kind);
    assert_int_equal(found->staged, staged);
}

static void without_a_change_nothing_is_asked_of_anyone(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 3);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_change(fixture, node, CHANGE_STAYS, false);
        assert_int_equal(find(fixture, node)->releasing, 4);
        assert_int_equal(find(fixture, node)->sync_rate, 1000);
    }
}

static void what_is_staged_shows_with_its_kind(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 3);
    struct role heavier = role_of(1, ROLE_IN, true);
    heavier.weight = 20;
    ask(fixture, heavier);
    ask(fixture, role_of(2, ROLE_OUT, true));
    ask(fixture, role_of(3, ROLE_REMOVED, true));
    ask(fixture, role_of(4, ROLE_IN, true));
    assert_change(fixture, 1, CHANGE_REWEIGHED, true);
    assert_change(fixture, 2, CHANGE_LEAVES, true);
    assert_change(fixture, 3, CHANGE_REMOVED, true);
    assert_change(fixture, 4, CHANGE_JOINS, true);
}

static void a_member_to_be_shows_though_nobody_has_heard_of_it(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 3);
    ask(fixture, role_of(4, ROLE_IN, true));
    const struct status_node *node = find(fixture, 4);
    assert_non_null(node);
    assert_true(bytes_equal(node->name, bytes_from_string("node4")));
    assert_true(bytes_equal(node->zone, bytes_from_string("zone4")));
    assert_int_equal(node->state, NODE_DOWN);
    assert_int_equal(node->weight, 10);
    assert_int_equal(node->partitions, 0);
    ask(fixture, role_of(5, ROLE_OUT, false));
    assert_null(find(fixture, 5));
}

static void who_leaves_shows_while_a_layout_waits_for_it(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 3);
    fixture->snapshot.node_count = 2; /* node 3 has not been heard of */
    ask(fixture, role_of(3, ROLE_OUT, false));
    assert_change(fixture, 3, CHANGE_LEAVES, false);
    commit(fixture);
    assert_change(fixture, 3, CHANGE_STAYS, false);
    assert_int_equal(find(fixture, 3)->partitions, 0);
}

static void who_was_removed_for_good_does_not_show(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 4);
    ask(fixture, role_of(4, ROLE_REMOVED, false));
    commit(fixture);
    assert_true(view_removed(fixture->snapshot.view, 4));
    assert_null(find(fixture, 4));
    assert_non_null(find(fixture, 3));
}

static void only_marks_that_are_waited_for_show_as_missing(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 3);
    ask(fixture, role_of(3, ROLE_OUT, false));
    ask(fixture, role_of(4, ROLE_IN, false));
    ask(fixture, role_of(5, ROLE_IN, true));
    commit(fixture);
    assert_int_equal(find(fixture, 4)->marks, 0);
    mark(fixture, MARK_SEEN, 4);
    assert_int_equal(find(fixture, 4)->marks, MARK_SEEN);
    mark(fixture, MARK_SYNCED, 4);
    assert_int_equal(find(fixture, 4)->marks, MARK_SEEN | MARK_SYNCED);
    /* It gets nothing of the newest layout, but is asked whether it knows it. */
    assert_int_equal(find(fixture, 3)->marks, MARK_SYNCED);
    assert_int_equal(find(fixture, 5)->marks, MARK_SEEN | MARK_SYNCED | MARK_ALL_SYNCED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_change_nothing_is_asked_of_anyone),
        TEST(what_is_staged_shows_with_its_kind),
        TEST(a_member_to_be_shows_though_nobody_has_heard_of_it),
        TEST(who_leaves_shows_while_a_layout_waits_for_it),
        TEST(who_was_removed_for_good_does_not_show),
        TEST(only_marks_that_are_waited_for_show_as_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
