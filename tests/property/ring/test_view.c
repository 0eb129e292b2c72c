#include "property.h"

#include <string.h>

#include "ring/view.h"
#include "shoal/error.h"
#include "support/mutate.h"
#include "support/ring_history.h"

#define STEPS 60u

static struct view *join(const struct view *a, const struct view *b)
{
    struct view *joined;
    CHECK(view_join(a, b, &joined) == 0);
    CHECK(view_check(joined));
    return joined;
}

static bool same_bytes(const struct view *a, const struct view *b)
{
    struct buffer left;
    struct buffer right;
    buffer_init(&left, 0);
    buffer_init(&right, 0);
    CHECK(view_encode(a, &left) == 0 && view_encode(b, &right) == 0);
    bool same = bytes_equal(buffer_bytes(&left), buffer_bytes(&right));
    buffer_deinit(&right);
    buffer_deinit(&left);
    return same;
}

/* Equal digests stand for equal content, and equal content has equal derived parts. */
static void check_same(struct view *a, struct view *b)
{
    CHECK(a->digest == b->digest);
    CHECK(a->digest != 0);
    CHECK(same_bytes(a, b));
    CHECK(a->read_index == b->read_index);
    CHECK(a->counted_count == b->counted_count);
    CHECK(layout_key_compare(&a->floor, &b->floor) == 0);
    view_unref(a);
    view_unref(b);
}

static void history_random(struct random *random, struct ring_history *history)
{
    ring_history_init(history, random);
    for (uint32_t i = 0; i < STEPS; i++) {
        CHECK(ring_history_step(history, random));
    }
}

static void joins(struct random *random)
{
    struct ring_history history;
    history_random(random, &history);
    struct view *a = history.views[0];
    struct view *b = history.views[1];
    struct view *c = history.views[2];
    struct view *ab = join(a, b);
    struct view *bc = join(b, c);
    check_same(join(a, b), join(b, a));
    check_same(join(ab, c), join(a, bc));
    check_same(join(a, a), view_ref(a));
    struct view *again = join(ab, b);
    CHECK(again == ab);
    view_unref(again);
    again = join(ab, a);
    CHECK(again == ab);
    view_unref(again);
    view_unref(bc);
    view_unref(ab);
    ring_history_deinit(&history);
}

static void join_is_commutative_associative_and_idempotent(void **state)
{
    (void)state;
    property_run(joins, 3000);
}

/* All views in two random orders, some of them several times. */
static void orders(struct random *random)
{
    struct ring_history history;
    struct view *all[2];
    history_random(random, &history);
    for (uint32_t way = 0; way < 2; way++) {
        bool used[RING_HISTORY_NODES] = {false};
        uint32_t left = RING_HISTORY_NODES;
        all[way] = view_ref(history.views[random_below(random, RING_HISTORY_NODES)]);
        while (left > 0) {
            uint64_t i = random_below(random, RING_HISTORY_NODES);
            struct view *next = join(all[way], history.views[i]);
            view_unref(all[way]);
            all[way] = next;
            left -= !used[i];
            used[i] = true;
        }
    }
    check_same(all[0], all[1]);
    ring_history_deinit(&history);
}

static void the_order_of_joins_does_not_matter(void **state)
{
    (void)state;
    property_run(orders, 2000);
}

static bool is_member(const struct layout *layout, uint64_t node)
{
    return layout_member_index(layout, node) >= 0;
}

/* What has gone stays gone, what was removed stays removed, what was asked stays asked. */
static void nothing_lost(struct random *random)
{
    struct ring_history history;
    history_random(random, &history);
    const struct view *a = history.views[0];
    struct view *joined = join(a, history.views[1]);
    CHECK(layout_key_compare(&joined->floor, &a->floor) >= 0);
    CHECK(!roles_behind(&joined->roles, &a->roles));
    for (uint32_t i = 0; i < a->removed_count; i++) {
        CHECK(view_removed(joined, a->removed[i]));
    }
    for (uint32_t i = 0; i < a->live_count; i++) {
        const struct layout *layout = a->live[i].layout;
        int index = view_find(joined, &layout->key.hash);
        CHECK((index >= 0) == (layout_key_compare(&layout->key, &joined->floor) >= 0));
        for (uint32_t k = 0; index >= 0 && k < a->live[i].mark_count; k++) {
            const struct mark *mark = &a->live[i].marks[k];
            for (uint32_t kind = MARK_SEEN; kind <= MARK_ALL_SYNCED; kind *= 2) {
                CHECK((mark->bits & kind) == 0 ||
                      view_marked(joined, (uint32_t)index, (enum mark_kind)kind, mark->node));
            }
        }
    }
    view_unref(joined);
    ring_history_deinit(&history);
}

static void a_join_loses_nothing_but_what_has_gone(void **state)
{
    (void)state;
    property_run(nothing_lost, 2000);
}

/* The derived parts, worked out the plain way. */
static void derived(struct random *random)
{
    struct ring_history history;
    history_random(random, &history);
    const struct view *view = history.views[0];
    uint32_t counted = 0;
    uint32_t read_index = 0;
    for (uint64_t node = 1; node <= RING_HISTORY_IDS; node++) {
        bool in = false;
        for (uint32_t i = 0; i < view->live_count; i++) {
            in = in || is_member(view->live[i].layout, node);
        }
        counted += in && !view_removed(view, node);
    }
    for (uint32_t i = 1; i < view->live_count; i++) {
        bool all = true;
        for (uint64_t node = 1; node <= RING_HISTORY_IDS; node++) {
            all = all && (!is_member(view->live[i].layout, node) || view_removed(view, node) ||
                          view_marked(view, i, MARK_SYNCED, node));
        }
        read_index = all ? i : read_index;
    }
    CHECK(view->counted_count == counted);
    CHECK(view->read_index == read_index);
    ring_history_deinit(&history);
}

static void derived_parts_follow_from_the_content(void **state)
{
    (void)state;
    property_run(derived, 2000);
}

/* Changes. */

/* Is this very role committed in the view, or recorded by a layout of its? */
static bool is_committed(const struct view *view, const struct role *role)
{
    for (uint32_t i = 0; i <= view->live_count; i++) {
        const struct roles *roles =
            i < view->live_count ? &view->live[i].layout->roles : &view->roles;
        const struct role *known = roles_find(roles, role->node);
        if (known != NULL && !known->staged && known->stamp == role->stamp &&
            known->author == role->author) {
            return true;
        }
    }
    return false;
}

static bool is_committed_somewhere(struct view *const *views, const struct role *role)
{
    for (uint32_t i = 0; i < RING_HISTORY_NODES; i++) {
        if (is_committed(views[i], role)) {
            return true;
        }
    }
    return false;
}

/* After a step that is no operator's, and any but their own, nothing is committed that was not. */
static void check_unasked(const struct ring_history *history, struct view *const *before)
{
    const struct view *view = history->views[history->at];
    if (history->last == RING_ASK || history->last == RING_UNSTAGE ||
        history->last == RING_CANCEL) {
        return;
    }
    for (uint32_t i = 0; i < view->roles.count; i++) {
        CHECK(view->roles.items[i].staged || is_committed_somewhere(before, &view->roles.items[i]));
    }
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct roles *roles = &view->live[i].layout->roles;
        for (uint32_t k = 0; k < roles->count; k++) {
            CHECK(!roles->items[k].staged && is_committed_somewhere(before, &roles->items[k]));
        }
    }
}

static void unasked(struct random *random)
{
    struct ring_history history;
    ring_history_init(&history, random);
    for (uint32_t i = 0; i < STEPS; i++) {
        struct view *before[RING_HISTORY_NODES];
        for (uint32_t k = 0; k < RING_HISTORY_NODES; k++) {
            before[k] = view_ref(history.views[k]);
        }
        CHECK(ring_history_step(&history, random));
        CHECK(view_check(history.views[history.at]));
        check_unasked(&history, before);
        for (uint32_t k = 0; k < RING_HISTORY_NODES; k++) {
            view_unref(before[k]);
        }
    }
    ring_history_deinit(&history);
}

static void nothing_staged_is_committed_unasked(void **state)
{
    (void)state;
    property_run(unasked, 1000);
}

/* What is asked of each node and committed, of all that both sides know, is what a commit on their
 * join gives; and nothing is due then. */
static void committed(struct random *random)
{
    struct ring_history history;
    struct view *next;
    history_random(random, &history);
    struct view *joined = join(history.views[0], history.views[1]);
    int r = view_commit(joined, &next);
    CHECK(r == 0 || r == 1 || r == SHOAL_EOVERLOAD || r == SHOAL_EINVAL);
    CHECK((r == 1) == !view_due(joined));
    bool room = joined->live_count < LIMIT_LIVE_LAYOUTS;
    CHECK(r != SHOAL_EOVERLOAD || !room);
    if (r >= 0 && room) {
        CHECK(view_check(next) && !view_due(next));
        CHECK(view_staged(next) == view_staged(joined));
        for (uint32_t i = 0; i < joined->roles.count; i++) {
            const struct role *role = &joined->roles.items[i];
            const struct role *has = roles_find(&view_newest(next)->roles, role->node);
            CHECK(role->staged || role_same(role, has));
            CHECK(role->staged || role->kind != ROLE_REMOVED || view_removed(next, role->node));
        }
    }
    if (r >= 0) {
        view_unref(next);
    }
    view_unref(joined);
    ring_history_deinit(&history);
}

static void nothing_committed_is_dropped(void **state)
{
    (void)state;
    property_run(committed, 2000);
}

/* A cancel leaves what is due and nothing else, and no copy of what was staged brings it back. */
static void cancelled(struct random *random)
{
    struct ring_history history;
    struct view *next;
    history_random(random, &history);
    struct view *view = history.views[0];
    CHECK(view_cancel(view, &next) == (view_staged(view) == 0));
    CHECK(view_check(next) && view_staged(next) == 0);
    CHECK(view_pending(next) == view_due(view));
    CHECK(view_due(next) == view_due(view));
    struct view *both = join(view, next);
    CHECK(both == next);
    view_unref(both);
    view_unref(next);

    /* To commit all that is staged leaves nothing pending. */
    struct view *unstaged;
    CHECK(view_unstage(view, &unstaged) == (view_staged(view) == 0));
    CHECK(view_check(unstaged));
    if (view_commit(unstaged, &next) >= 0) {
        CHECK(!view_pending(next) || unstaged->live_count >= LIMIT_LIVE_LAYOUTS_FORCED);
        view_unref(next);
    }
    view_unref(unstaged);
    ring_history_deinit(&history);
}

static void a_cancel_reverts(void **state)
{
    (void)state;
    property_run(cancelled, 2000);
}

/* The partitions of which writes may be lost, worked out the plain way; removals only add to them.
 */
static void losses(struct random *random)
{
    struct ring_history history;
    uint32_t listed[64];
    history_random(random, &history);
    const struct view *view = history.views[0];
    uint32_t count = view_may_lose(view, listed, 64);
    uint32_t found = 0;
    for (uint32_t p = 0; p < view_facts(view)->partitions; p++) {
        bool may = false;
        for (uint32_t i = 0; i < view->live_count; i++) {
            uint64_t owners[LIMIT_REPLICAS];
            uint32_t left = layout_owners(view->live[i].layout, p, owners);
            uint32_t all = left;
            for (uint32_t k = 0; k < all; k++) {
                left -= view_removed(view, owners[k]);
            }
            may = may || left == 0 || all - left >= view_facts(view)->w;
        }
        if (may) {
            CHECK(found < count && listed[found] == p);
            found++;
        }
    }
    CHECK(found == count);
    ring_history_deinit(&history);
}

static void what_may_be_lost_is_known(void **state)
{
    (void)state;
    property_run(losses, 1000);
}

/* Placement against the rules of view.h, over all sets of votes. */
static bool met_expected(const struct view *view, uint32_t index, uint32_t partition,
                         const uint64_t *votes, uint32_t vote_count, uint32_t number)
{
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(view->live[index].layout, partition, owners);
    uint32_t left = 0;
    uint32_t have = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (view_removed(view, owners[i])) {
            continue;
        }
        left++;
        for (uint32_t k = 0; k < vote_count; k++) {
            have += votes[k] == owners[i];
        }
    }
    bool newest = index == view->live_count - 1;
    if (newest && (left == count || left == 0)) {
        return have >= number;
    }
    return have >= (number < left ? number : left);
}

static void placement(struct random *random)
{
    struct ring_history history;
    struct placement place;
    history_random(random, &history);
    const struct view *view = history.views[0];
    uint32_t partition = (uint32_t)random_below(random, view_facts(view)->partitions);
    CHECK(view_place(view, partition, &place) == 0);
    CHECK(place.layout_count == view->live_count);
    CHECK(place.newest_count == view_newest(view)->replicas);
    uint64_t first[LIMIT_REPLICAS];
    layout_owners(view_newest(view), partition, first);
    CHECK(memcmp(first, place.nodes, place.newest_count * sizeof(*first)) == 0);
    for (uint64_t votes = 0; votes < UINT64_C(1) << place.node_count; votes++) {
        uint64_t voters[LIMIT_REQUEST_TARGETS];
        uint32_t voter_count = 0;
        for (uint32_t i = 0; i < place.node_count; i++) {
            CHECK(placement_index(&place, place.nodes[i]) == (int)i);
            if (votes >> i & 1) {
                voters[voter_count++] = place.nodes[i];
            }
        }
        for (uint32_t number = 1; number <= 3; number++) {
            bool all = true;
            for (uint32_t l = 0; l < view->live_count; l++) {
                bool met = met_expected(view, l, partition, voters, voter_count, number);
                CHECK(placement_met(&place, l, votes, number) == met);
                all = all && met;
            }
            CHECK(placement_write_met(&place, votes, number) == all);
        }
    }
    ring_history_deinit(&history);
}

static void placement_counts_as_the_rules_say(void **state)
{
    (void)state;
    property_run(placement, 1000);
}

static void round_trip(struct random *random)
{
    struct ring_history history;
    struct buffer buffer;
    struct view *decoded;
    history_random(random, &history);
    buffer_init(&buffer, 0);
    CHECK(view_encode(history.views[0], &buffer) == 0);
    CHECK(view_decode(buffer_bytes(&buffer), &decoded) == 0);
    check_same(decoded, view_ref(history.views[0]));
    buffer_deinit(&buffer);
    ring_history_deinit(&history);
}

static void a_view_survives_encoding(void **state)
{
    (void)state;
    property_run(round_trip, 2000);
}

/* Damaged bytes give an error, or a view that is as sound as any. */
static void damaged(struct random *random)
{
    struct ring_history history;
    struct buffer whole;
    struct buffer hurt;
    history_random(random, &history);
    buffer_init(&whole, 0);
    buffer_init(&hurt, 0);
    CHECK(view_encode(history.views[0], &whole) == 0);
    for (uint32_t i = 0; i < 100; i++) {
        struct view *view = NULL;
        buffer_clear(&hurt);
        CHECK(buffer_append_bytes(&hurt, buffer_bytes(&whole)) == 0);
        for (uint64_t changes = 1 + random_below(random, 3); changes > 0; changes--) {
            mutate(random, &hurt);
        }
        int r = view_decode(buffer_bytes(&hurt), &view);
        CHECK(r == 0 || r == SHOAL_EPROTO || r == SHOAL_EVERSION || r == SHOAL_ENOMEM);
        if (r == 0) {
            struct view *joined = NULL;
            CHECK(view_check(view));
            r = view_join(view, history.views[1], &joined);
            CHECK(r == 0 || r == SHOAL_ECLUSTER);
            CHECK(r != 0 || view_check(joined));
            view_unref(joined);
            view_unref(view);
        }
    }
    buffer_deinit(&hurt);
    buffer_deinit(&whole);
    ring_history_deinit(&history);
}

static void damaged_views_are_refused_or_sound(void **state)
{
    (void)state;
    property_run(damaged, 500);
}

static void damaged_layout(struct random *random)
{
    struct ring_history history;
    struct buffer whole;
    struct buffer hurt;
    history_random(random, &history);
    buffer_init(&whole, 0);
    buffer_init(&hurt, 0);
    CHECK(layout_encode(view_newest(history.views[0]), &whole) == 0);
    for (uint32_t i = 0; i < 100; i++) {
        struct layout *layout = NULL;
        buffer_clear(&hurt);
        CHECK(buffer_append_bytes(&hurt, buffer_bytes(&whole)) == 0);
        for (uint64_t changes = 1 + random_below(random, 3); changes > 0; changes--) {
            mutate(random, &hurt);
        }
        bool same = bytes_equal(buffer_bytes(&hurt), buffer_bytes(&whole));
        int r = layout_decode(buffer_bytes(&hurt), &layout);
        CHECK(r == 0 || r == SHOAL_EPROTO || r == SHOAL_EVERSION || r == SHOAL_ENOMEM);
        if (r == 0) {
            /* One content has one encoding: other bytes are another layout. */
            CHECK(same ==
                  content_hash_equal(&layout->key.hash, &view_newest(history.views[0])->key.hash));
            layout_unref(layout);
        }
    }
    buffer_deinit(&hurt);
    buffer_deinit(&whole);
    ring_history_deinit(&history);
}

static void damaged_layouts_are_refused_or_other_layouts(void **state)
{
    (void)state;
    property_run(damaged_layout, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(join_is_commutative_associative_and_idempotent),
        cmocka_unit_test(the_order_of_joins_does_not_matter),
        cmocka_unit_test(a_join_loses_nothing_but_what_has_gone),
        cmocka_unit_test(derived_parts_follow_from_the_content),
        cmocka_unit_test(nothing_staged_is_committed_unasked),
        cmocka_unit_test(nothing_committed_is_dropped),
        cmocka_unit_test(a_cancel_reverts),
        cmocka_unit_test(what_may_be_lost_is_known),
        cmocka_unit_test(placement_counts_as_the_rules_say),
        cmocka_unit_test(a_view_survives_encoding),
        cmocka_unit_test(damaged_views_are_refused_or_sound),
        cmocka_unit_test(damaged_layouts_are_refused_or_other_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
