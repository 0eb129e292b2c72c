/* server/feed_store: what is left of a feed where none is kept any more. */
#include "folder_test.h"

#include <stdio.h>

#include "server/feed_store.h"

static void open_and_close(struct folder_test *folder, const struct offload *offloads)
{
    static struct config config; /* feed_tail_mb: 0 */
    struct feed_store *store = NULL;
    (void)snprintf(config.data_dir, sizeof(config.data_dir), "%s", folder->path);
    assert_int_equal(feed_store_open(&config, 1, offloads, true, &store), 0);
    assert_int_equal(feed_store_lanes(store), 0);
    feed_store_close(store, true);
}

/* Else a feed that is kept again would go on with it, and hide what was changed meanwhile. */
static void where_none_is_kept_any_more_nothing_is_left_to_go_on_with(void **state)
{
    struct folder_test *folder = *state;
    const struct offload offload = {.submit = NULL};
    folder_test_write(folder, "feed/000-0000000000000001.tail", bytes_from_string("one"));
    folder_test_write(folder, "feed/003-00000000000000ff.tail", bytes_from_string("two"));
    folder_test_write(folder, "feed/notes.txt", bytes_from_string("not ours"));
    open_and_close(folder, &offload);
    assert_false(folder_test_has(folder, "feed/000-0000000000000001.tail"));
    assert_false(folder_test_has(folder, "feed/003-00000000000000ff.tail"));
    assert_true(folder_test_has(folder, "feed/notes.txt"));
}

static void where_none_was_ever_kept_no_folder_is_made(void **state)
{
    struct folder_test *folder = *state;
    const struct offload offload = {.submit = NULL};
    open_and_close(folder, &offload);
    assert_false(folder_test_has(folder, "feed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(where_none_is_kept_any_more_nothing_is_left_to_go_on_with),
        FOLDER_TEST(where_none_was_ever_kept_no_folder_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
