/* The synchronous calls, against nodes that run in a thread of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "shoal/cluster.h"
#include "shoal/watch.h"
#include "support/fake_cluster.h"

#define SILENCE_SECONDS_MAX 60

struct world {
    struct event_base *base;
    struct fake_cluster *cluster;
    pthread_t thread;
    atomic_bool stop;
    char hosts[128];
};

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct world *world = user;
    if (atomic_load(&world->stop)) {
        event_base_loopbreak(world->base);
    }
}

static void *run(void *user)
{
    struct world *world = user;
    struct event *tick = event_new(world->base, -1, EV_PERSIST, on_tick, world);
    struct timeval pause = {.tv_usec = 2000};
    event_add(tick, &pause);
    event_base_dispatch(world->base);
    event_free(tick);
    return NULL;
}

static int begin(void **state)
{
    static struct world world;
    world = (struct world){.base = event_base_new()};
    world.cluster = fake_cluster_new(world.base, 3);
    (void)snprintf(world.hosts, sizeof(world.hosts), "127.0.0.1:%u",
                   (unsigned)fake_cluster_node(world.cluster, 0)->port);
    *state = &world;
    return pthread_create(&world.thread, NULL, run, &world);
}

static int end(void **state)
{
    struct world *world = *state;
    atomic_store(&world->stop, true);
    pthread_join(world->thread, NULL);
    fake_cluster_free(world->cluster);
    event_base_free(world->base);
    return 0;
}

static struct shoal_client *open_client(struct world *world, struct shoal_config config)
{
    struct shoal_client *client = NULL;
    config.hosts = world->hosts;
    assert_int_equal(shoal_client_open(&config, &client, NULL, 0), 0);
    return client;
}

static void an_open_client_knows_the_cluster(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    assert_int_equal(shoal_client_node_count(client), 3);
    shoal_client_free(client);
}

static void put_get_delete(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_result *result = NULL;
    assert_int_equal(shoal_put(client, shoal_text("k"), shoal_text("v"), NULL, NULL), 0);
    assert_int_equal(shoal_get(client, shoal_text("k"), NULL, &result), 0);
    assert_int_equal(result->value_count, 1);
    assert_memory_equal(result->values[0].value.data, "v", 1);
    assert_true(result->context.len > 0);
    shoal_result_free(result);
    assert_int_equal(shoal_delete(client, shoal_text("k"), NULL, &result), 0);
    shoal_result_free(result);
    assert_string_equal(shoal_client_error(client), "");
    shoal_client_free(client);
}

static void adding_and_expiring(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_result *result = NULL;
    struct shoal_options options = {.ttl_ms = 5, .context = shoal_text("no use here")};
    assert_int_equal(shoal_add(client, shoal_text("n"), 40, &options, NULL), 0);
    assert_int_equal(shoal_add(client, shoal_text("n"), -50, NULL, &result), 0);
    assert_int_equal(result->number, -10);
    shoal_result_free(result);
    struct shoal_operation operation = {.kind = SHOAL_ADD, .key = shoal_text("n"), .delta = 1};
    assert_int_equal(shoal_batch(client, &operation, 1, NULL, &result), 0);
    assert_int_equal(result->number, -9);
    shoal_result_free(result);
    assert_int_equal(shoal_expire(client, shoal_text("n"), 1000, NULL, &result), 0);
    assert_int_equal(result->number, 999);
    shoal_result_free(result);
    assert_int_equal(shoal_get(client, shoal_text("n"), NULL, &result), 0);
    assert_memory_equal(result->values[0].value.data, "-9", 2);
    assert_int_equal(result->values[0].expiry_ms, 77);
    assert_int_equal(result->values[0].counter, 1);
    shoal_result_free(result);
    shoal_client_free(client);
}

static void a_missing_key_still_gives_its_result(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_result *result = NULL;
    assert_int_equal(shoal_get(client, shoal_text("none"), NULL, &result), SHOAL_ENOTFOUND);
    assert_non_null(result);
    shoal_result_free(result);
    shoal_client_free(client);
}

static void a_failure_leaves_the_result_alone_and_has_words(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_result *result = NULL;
    assert_int_equal(shoal_get(client, shoal_text(""), NULL, &result), SHOAL_EINVAL);
    assert_null(result);
    assert_non_null(strstr(shoal_client_error(client), "empty"));
    shoal_client_free(client);
}

static void lists_and_many_gets_and_batches_larger_than_the_window(void **state)
{
    enum { COUNT = 100 };
    struct shoal_client *client = open_client(*state, (struct shoal_config){.waiting_max = 7});
    char keys[COUNT][8];
    struct shoal_operation operations[COUNT];
    struct shoal_bytes names[COUNT];
    struct shoal_result *results[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "m%zu", i);
        names[i] = shoal_text(keys[i]);
        operations[i] =
            (struct shoal_operation){.kind = SHOAL_PUT, .key = names[i], .value = names[i]};
    }
    assert_int_equal(shoal_batch(client, operations, COUNT, NULL, results), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(results[i]->code, 0);
        shoal_result_free(results[i]);
    }
    assert_int_equal(shoal_mget(client, names, COUNT, NULL, results), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(results[i]->values[0].value.len, strlen(keys[i]));
        assert_memory_equal(results[i]->values[0].value.data, keys[i], strlen(keys[i]));
        shoal_result_free(results[i]);
    }
    struct shoal_list list = {.with_values = 1};
    struct shoal_result *page = NULL;
    assert_int_equal(shoal_list(client, &list, NULL, &page), 0);
    assert_int_equal(page->entry_count, 2);
    assert_non_null(page->after.data);
    shoal_result_free(page);
    shoal_client_free(client);
}

static void the_cluster_shows_itself(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_status *status = NULL;
    assert_int_equal(shoal_status(client, NULL, &status), 0);
    assert_int_equal(status->node_count, 3);
    assert_string_equal(status->nodes[1].name, "fake2");
    assert_string_equal(status->nodes[1].state, "up");
    assert_string_equal(status->nodes[0].change, "");
    assert_string_equal(status->nodes[1].change, "leaves");
    assert_true(status->nodes[1].staged && !status->nodes[0].staged);
    assert_true(status->nodes[1].seen && !status->nodes[1].synced && status->nodes[1].all_synced);
    assert_int_equal(status->nodes[1].releasing, 9);
    assert_int_equal(status->nodes[1].sync_rate, 1000);
    assert_int_equal(status->staged, 1);
    assert_int_equal(status->may_lose, 2);
    assert_int_equal(status->oldest_version, 6);
    assert_string_equal(status->cluster_name, "fake");
    shoal_status_free(status);
    struct shoal_ring *ring = NULL;
    assert_int_equal(shoal_ring(client, NULL, &ring), 0);
    assert_int_equal(ring->partitions, FAKE_PARTITIONS);
    uint32_t partition = shoal_ring_partition(ring, shoal_text("k"));
    struct world *world = *state;
    assert_int_equal(ring->owners[partition * ring->replicas],
                     fake_cluster_owner(world->cluster, bytes_from_string("k")));
    shoal_ring_free(ring);
    assert_int_equal(shoal_join(client, "127.0.0.1", 4001, 0, NULL), SHOAL_EHASDATA);
    assert_string_equal(shoal_client_error(client), "fake nodes join nobody");
    assert_int_equal(shoal_join(client, "", 4001, 1, NULL), SHOAL_EINVAL);
    shoal_client_free(client);
}

static void a_backup_is_asked_for_and_looked_at(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_backup *backup = NULL;
    assert_int_equal(shoal_backup(client, "/backups/today", NULL, &backup), 0);
    assert_int_equal(backup->number, 77);
    assert_string_equal(backup->state, "sealing");
    assert_string_equal(backup->path, "/backups/today");
    assert_string_equal(backup->text, "");
    assert_int_equal(backup->files, 3);
    assert_int_equal(backup->bytes, 1000);
    assert_int_equal(backup->bytes_done, 10);
    shoal_backup_free(backup);
    backup = NULL;
    assert_int_equal(shoal_backup(client, NULL, NULL, &backup), 0);
    assert_string_equal(backup->path, "/the/last");
    shoal_backup_free(backup);
    backup = NULL;
    assert_int_equal(shoal_backup(client, "not/absolute", NULL, &backup), SHOAL_EINVAL);
    assert_int_equal(shoal_backup(client, "", NULL, &backup), SHOAL_EINVAL);
    assert_null(backup);
    shoal_client_free(client);
}

static void verifying_and_repairing_tell_what_was_found(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_verification *found = NULL;
    assert_int_equal(shoal_verify(client, 0, NULL, &found), 0);
    assert_true(found->identical);
    assert_string_equal(found->digest, "1234567890abcdef0000000000000abc");
    assert_int_equal(found->partitions, FAKE_PARTITIONS);
    assert_false(found->with_values);
    assert_int_equal(found->siblings, 77);
    assert_int_equal(found->differing_count + found->unverified_count, 0);
    assert_string_equal(found->text, "");
    shoal_verification_free(found);
    assert_int_equal(shoal_verify(client, 1, NULL, &found), 0);
    assert_false(found->identical);
    assert_string_equal(found->digest, "");
    assert_true(found->with_values);
    assert_int_equal(found->differing_count, 1);
    assert_int_equal(found->differing[0], 3);
    assert_int_equal(found->unverified_count, 1);
    assert_int_equal(found->unverified[0], 5);
    assert_string_equal(found->text, "node3 is away");
    shoal_verification_free(found);

    struct shoal_repair *repair = NULL;
    assert_int_equal(shoal_repair(client, NULL, &repair), 0);
    assert_int_equal(repair->told, 2);
    assert_int_equal(repair->nodes, 3);
    assert_string_equal(repair->text, "node3 is away");
    shoal_repair_free(repair);
    shoal_client_free(client);
}

static void a_change_is_asked_for_and_its_plan_shown(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    struct shoal_change change = {.op = SHOAL_CHANGE_REPLACE,
                                  .node = "node2",
                                  .stage = 1,
                                  .force = 1,
                                  .host = "10.0.0.9",
                                  .peer_port = 4001,
                                  .weight = 20,
                                  .zone = "attic",
                                  .nodes = 5};
    struct shoal_plan *plan = NULL;
    assert_int_equal(shoal_change(client, &change, NULL, &plan), 0);
    assert_true(plan->changes && plan->committed);
    assert_int_equal(plan->version_before, 7);
    assert_int_equal(plan->version_after, 8);
    assert_int_equal(plan->partitions, FAKE_PARTITIONS);
    assert_int_equal(plan->replicas_before, 2);
    assert_int_equal(plan->replicas_after, 3);
    assert_int_equal(plan->moves, 5);
    assert_int_equal(plan->moves_least, 4001);
    assert_int_equal(plan->zones_before, 1);
    assert_int_equal(plan->zones_after, 2);
    assert_true(plan->share_excess_before == 1.5 && plan->share_excess_after == 0.25);
    assert_int_equal(plan->may_lose, 6);
    assert_int_equal(plan->bytes_in, 500);
    assert_string_equal(plan->reason, "10.0.0.9");
    assert_string_equal(plan->text, "stage force");
    assert_int_equal(plan->node_count, 2);
    assert_string_equal(plan->nodes[0].name, "node2");
    assert_string_equal(plan->nodes[0].zone, "attic");
    assert_string_equal(plan->nodes[0].change, "reweighed");
    assert_int_equal(plan->nodes[0].weight, 20);
    assert_int_equal(plan->nodes[0].partitions_before, 3);
    assert_int_equal(plan->nodes[0].partitions_after, 4);
    assert_int_equal(plan->nodes[0].partitions_in, 1);
    assert_int_equal(plan->nodes[0].bytes_in, 500);
    assert_int_equal(plan->nodes[1].id, 0);
    assert_string_equal(plan->nodes[1].change, "joins");
    shoal_plan_free(plan);

    plan = NULL;
    change = (struct shoal_change){.op = SHOAL_CHANGE_LEAVE, .node = "the last"};
    assert_int_equal(shoal_change(client, &change, NULL, &plan), SHOAL_EINVAL);
    assert_string_equal(shoal_client_error(client), "somebody has to stay");
    assert_null(plan);
    shoal_client_free(client);
}

static void a_change_that_can_be_none_is_not_sent(void **state)
{
    struct shoal_client *client = open_client(*state, (struct shoal_config){0});
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    const struct shoal_change wrong[] = {
        {.op = (enum shoal_change_op)(SHOAL_CHANGE_SET + 1)},
        {.op = SHOAL_CHANGE_REPLACE, .node = "node2", .peer_port = 4001},
        {.op = SHOAL_CHANGE_REPLACE, .node = "node2", .host = "10.0.0.9"},
        {.op = SHOAL_CHANGE_REPLACE, .node = "node2", .host = name, .peer_port = 4001},
        {.op = SHOAL_CHANGE_LEAVE, .node = name},
        {.op = SHOAL_CHANGE_SET, .node = "node2", .zone = name},
    };
    struct shoal_plan *plan = NULL;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(shoal_change(client, &wrong[i], NULL, &plan), SHOAL_EINVAL);
        assert_true(strlen(shoal_client_error(client)) > 0);
        assert_null(plan);
    }
    shoal_client_free(client);
}

static void a_client_of_someone_elses_loop_has_no_synchronous_calls(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct shoal_client *client = NULL;
    assert_int_equal(shoal_client_new(NULL, base, &client), 0);
    assert_int_equal(shoal_ping(client, NULL), SHOAL_EINVAL);
    shoal_client_free(client);
    event_base_free(base);
}

static void opening_with_nobody_there_says_why(void **state)
{
    (void)state;
    struct shoal_client *client = NULL;
    char text[200] = "";
    /* Port 1 of the loopback: nothing listens there, and nothing is expected to. */
    struct shoal_config config = {.hosts = "127.0.0.1:1"};
    assert_int_equal(shoal_client_open(&config, &client, text, sizeof(text)), SHOAL_ECONNECT);
    assert_null(client);
    assert_non_null(strstr(text, "127.0.0.1:1"));
    config = (struct shoal_config){.hosts = ":"};
    assert_int_equal(shoal_client_open(&config, &client, text, sizeof(text)), SHOAL_EINVAL);
    assert_non_null(strstr(text, "HOST:PORT"));
}

static uint32_t watches_begun(struct world *world)
{
    uint32_t begun = 0;
    for (uint32_t i = 0; i < 3; i++) {
        begun += atomic_load(&fake_cluster_node(world->cluster, i)->watches);
    }
    return begun;
}

/* Fake nodes tell a watch where it stands, and then nothing: as one that was stopped, or cut off.
 */
static void whoever_looks_in_often_finds_out_that_a_feeds_node_is_silent(void **state)
{
    struct world *world = *state;
    struct shoal_client *client = open_client(world, (struct shoal_config){0});
    const struct shoal_watch_options options = {.silence_ms = 300};
    struct shoal_watch *watch = NULL;
    const struct shoal_event *event;
    assert_int_equal(shoal_watch_open(client, &options, &watch), 0);
    time_t until = time(NULL) + SILENCE_SECONDS_MAX;
    while (watches_begun(world) < 2) {
        assert_int_equal(shoal_watch_next(watch, 20, &event), SHOAL_ETIMEOUT);
        assert_true(time(NULL) < until);
    }
    shoal_watch_stop(watch);
    shoal_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_open_client_knows_the_cluster, begin, end),
        cmocka_unit_test_setup_teardown(put_get_delete, begin, end),
        cmocka_unit_test_setup_teardown(adding_and_expiring, begin, end),
        cmocka_unit_test_setup_teardown(a_missing_key_still_gives_its_result, begin, end),
        cmocka_unit_test_setup_teardown(a_failure_leaves_the_result_alone_and_has_words, begin,
                                        end),
        cmocka_unit_test_setup_teardown(lists_and_many_gets_and_batches_larger_than_the_window,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_cluster_shows_itself, begin, end),
        cmocka_unit_test_setup_teardown(a_backup_is_asked_for_and_looked_at, begin, end),
        cmocka_unit_test_setup_teardown(verifying_and_repairing_tell_what_was_found, begin, end),
        cmocka_unit_test_setup_teardown(a_change_is_asked_for_and_its_plan_shown, begin, end),
        cmocka_unit_test_setup_teardown(a_change_that_can_be_none_is_not_sent, begin, end),
        cmocka_unit_test_setup_teardown(
            whoever_looks_in_often_finds_out_that_a_feeds_node_is_silent, begin, end),
        cmocka_unit_test(a_client_of_someone_elses_loop_has_no_synchronous_calls),
        cmocka_unit_test(opening_with_nobody_there_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
