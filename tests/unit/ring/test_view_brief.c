/* Views in brief: what is known to the receiver stands by name, and nothing is lost by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/view.h"
#include "shoal/error.h"
#include "support/ring_history.h"

#define SEEDS 40u
#define STEPS 40u

static struct bytes names_of(const struct view *view, struct buffer *buffer)
{
    buffer_clear(buffer);
    assert_int_equal(view_names(view, buffer), 0);
    return buffer_bytes(buffer);
}

/* What the receiver makes of the view told in brief by its names; the outcome of decoding. */
static int tell(const struct view *view, const struct view *receiver, struct view **out)
{
    struct buffer names;
    struct buffer brief;
    buffer_init(&names, 0);
    buffer_init(&brief, 0);
    assert_int_equal(view_encode_brief(view, names_of(receiver, &names), &brief), 0);
    int result = view_decode_brief(buffer_bytes(&brief), &receiver, 1, out);
    buffer_deinit(&names);
    buffer_deinit(&brief);
    return result;
}

static void any_view_arrives_whole_at_any_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random random;
        struct ring_history history;
        random_init(&random, seed);
        ring_history_init(&history, &random);
        for (uint32_t i = 0; i < STEPS; i++) {
            (void)ring_history_step(&history, &random);
            struct view *told = history.views[random_below(&random, RING_HISTORY_NODES)];
            struct view *receiver = history.views[random_below(&random, RING_HISTORY_NODES)];
            struct view *out;
            assert_int_equal(tell(told, receiver, &out), 0);
            assert_true(out->digest == told->digest);
            assert_true(view_check(out));
            view_unref(out);
        }
        ring_history_deinit(&history);
    }
}

static struct view *marked(void)
{
    struct cluster_facts facts = ring_facts(64, 3, 2, 2);
    struct view *view = ring_view_of(&facts, 5);
    struct role role = ring_role(6, ROLE_IN);
    view = ring_view_commit(view, &role);
    struct view *next;
    struct layout_key key = view_newest(view)->key;
    assert_int_equal(view_with_mark(view, &key, MARK_SEEN, 3, &next), 0);
    view_unref(view);
    return next;
}

static void what_the_receiver_has_travels_by_name(void **state)
{
    (void)state;
    struct view *view = marked();
    struct buffer names;
    struct buffer brief;
    struct buffer whole;
    buffer_init(&names, 0);
    buffer_init(&brief, 0);
    buffer_init(&whole, 0);
    assert_int_equal(view_encode(view, &whole), 0);
    assert_int_equal(view_encode_brief(view, names_of(view, &names), &brief), 0);
    assert_true(brief.len * 5 < whole.len);
    buffer_deinit(&names);
    buffer_deinit(&brief);
    buffer_deinit(&whole);
    view_unref(view);
}

static void digests_tell_whether_the_parts_are_the_same(void **state)
{
    (void)state;
    struct view *view = marked();
    struct view *more;
    struct view *other;
    struct layout_key key = view_newest(view)->key;
    assert_int_equal(view_with_mark(view, &key, MARK_SEEN, 4, &more), 0);
    assert_true(more->digest != view->digest);
    assert_true(view_parts_same(more->digest, view->digest));
    struct role role = ring_role(7, ROLE_IN);
    assert_int_equal(view_with_role(view, &role, &other), 0);
    assert_false(view_parts_same(other->digest, view->digest));
    view_unref(other);
    view_unref(more);
    view_unref(view);
}

static void whole_and_brief_are_told_apart(void **state)
{
    (void)state;
    struct view *view = marked();
    const struct view *known = view;
    struct view *out;
    struct buffer names;
    struct buffer bytes;
    buffer_init(&names, 0);
    buffer_init(&bytes, 0);
    assert_int_equal(view_encode_brief(view, names_of(view, &names), &bytes), 0);
    assert_int_equal(view_decode_any(buffer_bytes(&bytes), &known, 1, &out), 0);
    assert_true(out->digest == view->digest);
    view_unref(out);
    buffer_clear(&bytes);
    assert_int_equal(view_encode(view, &bytes), 0);
    assert_int_equal(view_decode_any(buffer_bytes(&bytes), &known, 1, &out), 0);
    assert_true(out->digest == view->digest);
    view_unref(out);
    buffer_deinit(&names);
    buffer_deinit(&bytes);
    view_unref(view);
}

static void a_brief_whose_parts_are_not_here_is_not_taken(void **state)
{
    (void)state;
    struct view *view = marked();
    struct cluster_facts facts = ring_facts(64, 3, 2, 2);
    struct view *other = ring_view(&facts);
    struct buffer names;
    struct buffer brief;
    struct view *out = NULL;
    const struct view *known = other;
    buffer_init(&names, 0);
    buffer_init(&brief, 0);
    assert_int_equal(view_encode_brief(view, names_of(view, &names), &brief), 0);
    assert_int_equal(view_decode_brief(buffer_bytes(&brief), &known, 1, &out), 1);
    assert_null(out);
    const struct view *both[] = {other, view};
    assert_int_equal(view_decode_brief(buffer_bytes(&brief), both, 2, &out), 0);
    assert_true(out->digest == view->digest);
    view_unref(out);
    buffer_deinit(&names);
    buffer_deinit(&brief);
    view_unref(other);
    view_unref(view);
}

static void names_may_be_any_bytes(void **state)
{
    (void)state;
    struct view *view = marked();
    struct random random;
    random_init(&random, 7);
    for (size_t len = 0; len < 70; len++) {
        uint8_t names[70];
        struct buffer brief;
        struct view *out;
        const struct view *known = view;
        buffer_init(&brief, 0);
        for (size_t i = 0; i < len; i++) {
            names[i] = (uint8_t)random_u64(&random);
        }
        assert_int_equal(view_encode_brief(view, bytes_make(names, len), &brief), 0);
        assert_int_equal(view_decode_brief(buffer_bytes(&brief), &known, 0, &out), 0);
        assert_true(out->digest == view->digest);
        view_unref(out);
        buffer_deinit(&brief);
    }
    view_unref(view);
}

static void damaged_briefs_are_refused_or_are_views(void **state)
{
    (void)state;
    struct view *view = marked();
    struct buffer names;
    struct buffer brief;
    const struct view *known = view;
    buffer_init(&names, 0);
    buffer_init(&brief, 0);
    assert_int_equal(view_encode_brief(view, names_of(view, &names), &brief), 0);
    for (size_t at = 0; at < brief.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct view *out;
            brief.data[at] ^= (uint8_t)(1u << bit);
            int result = view_decode_brief(buffer_bytes(&brief), &known, 1, &out);
            if (result == 0) {
                assert_true(view_check(out));
                view_unref(out);
            }
            brief.data[at] ^= (uint8_t)(1u << bit);
        }
        struct view *out;
        assert_true(view_decode_brief(bytes_make(brief.data, at), &known, 1, &out) < 0);
    }
    buffer_deinit(&names);
    buffer_deinit(&brief);
    view_unref(view);
}

static void without_memory_nothing_is_made_of_a_brief(void **state)
{
    (void)state;
    struct view *view = marked();
    for (uint64_t allowed = 1;; allowed++) {
        struct buffer names;
        struct buffer brief;
        const struct view *known = view;
        struct view *out = NULL;
        buffer_init(&names, 0);
        buffer_init(&brief, 0);
        mem_fail_from(allowed);
        int result = view_names(view, &names);
        if (result == 0) {
            result = view_encode_brief(view, buffer_bytes(&names), &brief);
        }
        if (result == 0) {
            result = view_decode_brief(buffer_bytes(&brief), &known, 1, &out);
        }
        mem_fail_never();
        buffer_deinit(&names);
        buffer_deinit(&brief);
        if (result == 0) {
            assert_true(out->digest == view->digest);
            view_unref(out);
            break;
        }
        assert_int_equal(result, SHOAL_ENOMEM);
    }
    view_unref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_view_arrives_whole_at_any_other),
        cmocka_unit_test(what_the_receiver_has_travels_by_name),
        cmocka_unit_test(digests_tell_whether_the_parts_are_the_same),
        cmocka_unit_test(whole_and_brief_are_told_apart),
        cmocka_unit_test(a_brief_whose_parts_are_not_here_is_not_taken),
        cmocka_unit_test(names_may_be_any_bytes),
        cmocka_unit_test(damaged_briefs_are_refused_or_are_views),
        cmocka_unit_test(without_memory_nothing_is_made_of_a_brief),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
