/* Looking up nodes in a snapshot, and its life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/snapshot.h"

static struct snapshot *snapshot_of(uint32_t count)
{
    struct snapshot *snapshot = mem_alloc_zeroed(1, sizeof(*snapshot));
    snapshot->references = 1;
    snapshot->nodes = mem_alloc_zeroed(count, sizeof(*snapshot->nodes));
    snapshot->node_count = count;
    for (uint32_t i = 0; i < count; i++) {
        snapshot->nodes[i].record.id = 10 * (i + 1);
    }
    return snapshot;
}

static void every_node_is_found_and_nobody_else(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= 20; count++) {
        struct snapshot *snapshot = snapshot_of(count);
        for (uint64_t id = 0; id <= 10 * count + 15; id++) {
            const struct snapshot_node *found = snapshot_find(snapshot, id);
            bool known = id > 0 && id % 10 == 0 && id <= 10 * count;
            assert_true((found != NULL) == known);
            assert_true(found == NULL || found->record.id == id);
        }
        snapshot_unref(snapshot);
    }
}

static void it_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct snapshot *snapshot = snapshot_of(1);
    struct snapshot *held = snapshot_ref(snapshot);
    snapshot_unref(snapshot);
    assert_true(held->nodes[0].record.id == 10);
    snapshot_unref(held);
    snapshot_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_is_found_and_nobody_else),
        cmocka_unit_test(it_lives_as_long_as_somebody_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
