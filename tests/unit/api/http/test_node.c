/* When a node calls itself ready. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/http/node_routes.h"

struct fixture {
    struct snapshot snapshot;
    struct snapshot_node self;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct cluster_facts facts = {.id = 7, .partitions = 16, .n = 1, .r = 1, .w = 1};
    struct role founder = {.node = 1, .kind = ROLE_IN, .weight = 10};
    strcpy(facts.name, "cluster");
    strcpy(founder.name, "node1");
    fixture = (struct fixture){.self = {.state = NODE_UP, .record.id = 1}};
    fixture.snapshot.self = 1;
    fixture.snapshot.nodes = &fixture.self;
    fixture.snapshot.node_count = 1;
    *state = &fixture;
    return view_found(&facts, &founder, &fixture.snapshot.view);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    view_unref(fixture->snapshot.view);
    return 0;
}

static void expect(const struct fixture *fixture, const char *part)
{
    const char *why = http_unready(&fixture->snapshot, false);
    if (part == NULL) {
        assert_null(why);
    } else {
        assert_non_null(why);
        assert_non_null(strstr(why, part));
    }
}

static void a_member_that_can_store_is_ready(void **state)
{
    struct fixture *fixture = *state;
    expect(fixture, NULL);
    fixture->self.record.state = NODE_REFILLING;
    expect(fixture, NULL);
}

static void who_is_in_no_cluster_or_stops_is_not(void **state)
{
    struct fixture *fixture = *state;
    assert_non_null(strstr(http_unready(NULL, false), "in no cluster"));
    assert_non_null(strstr(http_unready(&fixture->snapshot, true), "stopping"));
}

static void who_comes_or_goes_is_not(void **state)
{
    struct fixture *fixture = *state;
    fixture->self.record.state = NODE_JOINING;
    expect(fixture, "joining");
    fixture->self.record.state = NODE_LEAVING;
    expect(fixture, "leaving");
    fixture->self.record.state = NODE_UP;
    fixture->snapshot.closed = true;
    expect(fixture, "takes no writes");
}

static void who_cannot_store_is_not(void **state)
{
    struct fixture *fixture = *state;
    fixture->self.record.storage = NODE_STORAGE_FULL;
    expect(fixture, "full");
    fixture->self.record.storage = NODE_STORAGE_FAILED;
    expect(fixture, "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_member_that_can_store_is_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_in_no_cluster_or_stops_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_or_goes_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_cannot_store_is_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
