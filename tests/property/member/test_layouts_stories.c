/* Stories of changing layouts, step by step: the schedules that chance finds seldom or never.
 * Nothing happens in these worlds but what a story says; the model's checks watch all the same.
 *
 * Most begin alike. Three nodes, 0 to 2, own all partitions (the *old* layout); 3 to 6 join, and
 * some partition goes to one of the old owners, `stays`, and two new ones, `u` and `v` (the *new*
 * layout); the other two old owners are `a` and `b`. */
#include "property.h"

#include "layouts_world.h"

#define EVERYBODY 0x7fu
#define ANYBODY UINT32_MAX

struct story {
    struct world world;
    uint32_t p;
    uint32_t a, b, stays, u, v;
};

/* A set of one node. */
static uint32_t bit(uint32_t n)
{
    return 1u << n;
}

static struct world_node *node_of(struct story *story, uint32_t n)
{
    return &story->world.nodes[n];
}

static void check_well(struct story *story)
{
    world_check_held(&story->world);
    if (story->world.failure[0] != 0) {
        print_error("%s\n", story->world.failure);
    }
    assert_true(story->world.failure[0] == 0);
}

/* Delivers what is under way of this kind and between these; whatever that calls forth waits.
 * Returns how much it was. */
static uint32_t deliver(struct story *story, enum message_is kind, uint32_t from, uint32_t to)
{
    struct letters *net = &story->world.net;
    struct letters now = *net;
    uint32_t count = 0;
    *net = (struct letters){0};
    for (uint32_t i = 0; i < now.count; i++) {
        struct letter letter = now.items[i];
        bool is_it = letter.kind == kind && (from == ANYBODY || letter.from == from) &&
                     (to == ANYBODY || letter.to == to);
        if (!is_it) {
            letters_add(net, letter);
            continue;
        }
        count++;
        if (node_of(story, letter.to)->up) {
            node_handle(&story->world, &letter);
        }
        view_unref(letter.view);
    }
    now.count = 0;
    letters_clear(&now);
    return count;
}

/* Lost: all that is under way of this kind. */
static void lose(struct story *story, enum message_is kind)
{
    struct letters *net = &story->world.net;
    for (uint32_t i = net->count; i-- > 0;) {
        if (net->items[i].kind == kind) {
            view_unref(letters_take(net, i).view);
        }
    }
}

/* The node learns all that these know. */
static void learn(struct story *story, uint32_t who, uint32_t from)
{
    for (uint32_t n = 0; n < story->world.node_count; n++) {
        if (from >> n & 1) {
            node_learn(&story->world, node_of(story, who), node_of(story, n)->view);
        }
    }
}

static void each(struct story *story, uint32_t who,
                 void (*part)(struct world *, struct world_node *))
{
    for (uint32_t n = 0; n < story->world.node_count; n++) {
        if ((who >> n & 1) && node_of(story, n)->up) {
            part(&story->world, node_of(story, n));
        }
    }
}

/* They tell each other all, and set the marks that follow. */
static void gather(struct story *story, uint32_t who)
{
    for (uint32_t n = 0; n < story->world.node_count; n++) {
        if ((who >> n & 1) && node_of(story, n)->up) {
            learn(story, n, who);
        }
    }
    each(story, who, node_track);
}

/* All know of all, and that all do. */
static void gather_all(struct story *story)
{
    gather(story, EVERYBODY);
    gather(story, EVERYBODY);
}

/* They fill what they can, from all that can be asked; nobody sets a mark yet. */
static void fill(struct story *story, uint32_t who)
{
    each(story, who, node_fill);
    deliver(story, SYNC, ANYBODY, ANYBODY);
    deliver(story, SYNCED, ANYBODY, ANYBODY);
    each(story, who, node_fill);
    lose(story, SYNC);
}

/* Until no layout but the newest is left. Nothing is let go of. */
static void settle(struct story *story, uint32_t who)
{
    for (uint32_t turn = 0; turn < 8; turn++) {
        gather(story, who);
        fill(story, who);
    }
    for (uint32_t n = 0; n < story->world.node_count; n++) {
        assert_true(!(who >> n & 1) || node_of(story, n)->view->live_count == 1);
    }
}

static void change(struct story *story, uint32_t at, uint32_t first, uint32_t last,
                   enum role_kind kind)
{
    for (uint32_t n = first; n <= last; n++) {
        operator_ask(&story->world, node_of(story, at), n, kind, 1, false);
    }
    operator_commit(&story->world, node_of(story, at));
}

static uint64_t begin(struct story *story, uint32_t at, bool is_write)
{
    return operation_begin(&story->world, node_of(story, at), is_write, story->p);
}

/* Asked and answered by these, whatever was sent to others. */
static void answered_by(struct story *story, uint32_t at, enum message_is kind, uint32_t who)
{
    for (uint32_t n = 0; n < story->world.node_count; n++) {
        if (who >> n & 1) {
            deliver(story, kind, at, n);
            deliver(story, ANSWER, n, at);
        }
    }
}

static bool is_done(struct story *story, uint32_t at, uint64_t id)
{
    return operation_find(node_of(story, at), id) == NULL;
}

/* A write that these confirm, and nobody else hears of. */
static void write_by(struct story *story, uint32_t at, uint32_t who)
{
    uint64_t id = begin(story, at, true);
    answered_by(story, at, WRITE, who);
    assert_true(is_done(story, at, id));
    lose(story, WRITE);
}

/* They have all that anybody ever held. */
static void check_all_hold(struct story *story, uint32_t who)
{
    const struct writes nothing = {0};
    for (uint32_t n = 0; n < story->world.node_count; n++) {
        struct writes lacks = writes_less(&story->world.held[story->p],
                                          &node_of(story, n)->places[story->p].data, &nothing);
        assert_true(!(who >> n & 1) || writes_empty(&lacks));
    }
}

/* Three own all; the others are not members yet. */
static void story_begin(struct story *story)
{
    *story = (struct story){0};
    world_init_calm(&story->world, WORLD_NODES, 3, WORLD_PARTITIONS, getenv("SHOAL_TRACE") != NULL);
}

/* A partition of the newest layout, as `at` knows it, with one old owner and two new ones. */
static void pick(struct story *story, uint32_t at)
{
    const struct layout *layout = view_newest(node_of(story, at)->view);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        uint32_t owners = owners_mask(layout, p);
        if (__builtin_popcount(owners & 7) == 1) {
            uint32_t others = 7 & ~owners;
            story->p = p;
            story->stays = (uint32_t)__builtin_ctz(owners & 7);
            story->a = (uint32_t)__builtin_ctz(others);
            story->b = (uint32_t)__builtin_ctz(others & (others - 1));
            owners &= ~7u;
            story->u = (uint32_t)__builtin_ctz(owners);
            story->v = (uint32_t)__builtin_ctz(owners & (owners - 1));
            return;
        }
    }
    fail_msg("no partition moves as the stories want it");
}

/* The others join by a commit at `at`, which only it knows as yet. */
static void join_at(struct story *story, uint32_t at)
{
    change(story, at, 3, 6, ROLE_IN);
    pick(story, at);
}

/* ... and the story begins there. */
static void story_begin_joined(struct story *story)
{
    story_begin(story);
    join_at(story, 0);
}

static void story_end(struct story *story)
{
    check_well(story);
    world_deinit(&story->world);
}

/* ---- live layouts ---- */

/* The new layout is known to all and nobody has anything of it yet: reads still go by the old one.
 */
static void reads_go_by_the_old_layout_until_the_new_one_is_synced(void **state)
{
    struct story story;
    (void)state;
    story_begin_joined(&story);
    write_by(&story, story.stays, bit(story.a) | bit(story.stays) | bit(story.u) | bit(story.v));
    gather(&story, EVERYBODY);
    uint64_t id = begin(&story, story.u, false);
    answered_by(&story, story.u, READ, bit(story.u) | bit(story.v));
    assert_false(is_done(&story, story.u, id));
    answered_by(&story, story.u, READ, bit(story.a) | bit(story.stays));
    assert_true(is_done(&story, story.u, id));
    story_end(&story);
}

/* Both new owners confirm a write, and none of the old ones: that is no quorum of the old layout,
 * by which others still read. */
static void a_write_needs_its_quorum_in_the_old_layout_too(void **state)
{
    struct story story;
    (void)state;
    story_begin_joined(&story);
    gather(&story, EVERYBODY);
    uint64_t id = begin(&story, story.u, true);
    answered_by(&story, story.u, WRITE, bit(story.u) | bit(story.v));
    assert_false(is_done(&story, story.u, id));
    uint64_t read = begin(&story, story.a, false);
    answered_by(&story, story.a, READ, bit(story.a) | bit(story.b));
    assert_true(is_done(&story, story.a, read));
    answered_by(&story, story.u, WRITE, bit(story.a));
    assert_false(is_done(&story, story.u, id));
    answered_by(&story, story.u, WRITE, bit(story.b));
    assert_true(is_done(&story, story.u, id));
    story_end(&story);
}

/* All have synced the new layout, and one of its owners knows that; two old owners know only of
 * themselves, and read by the old layout, from each other. So that one must not let it go yet. */
static void who_knows_that_all_have_synced_waits_until_all_know(void **state)
{
    struct story story;
    (void)state;
    story_begin_joined(&story);
    gather_all(&story);
    fill(&story, EVERYBODY);
    each(&story, EVERYBODY, node_track);
    learn(&story, story.u, EVERYBODY);
    for (uint32_t i = 0; i < 3; i++) {
        node_track(&story.world, node_of(&story, story.u));
    }
    assert_int_equal(node_of(&story, story.u)->view->read_index,
                     node_of(&story, story.u)->view->live_count - 1);
    uint64_t id = begin(&story, story.u, true);
    answered_by(&story, story.u, WRITE, bit(story.u) | bit(story.v));
    uint64_t read = begin(&story, story.a, false);
    answered_by(&story, story.a, READ, bit(story.a) | bit(story.b));
    assert_true(is_done(&story, story.a, read));
    check_well(&story);
    assert_false(is_done(&story, story.u, id));
    settle(&story, EVERYBODY);
    story_end(&story);
}

/* Node 6 has left and sleeps while 3 to 5 leave as well, so the partition goes back to 0 to 2; it
 * is not counted, so all have seen that without it, and have made their copies. Now it coordinates
 * a write: two owners of the layout that it knows confirm it, which is no quorum of the one that
 * reads will go by. Their answers tell it so. */
static void a_coordinator_that_slept_through_a_change_judges_by_the_views_of_answers(void **state)
{
    struct story story;
    uint32_t awake = EVERYBODY & ~bit(6);
    (void)state;
    story_begin_joined(&story);
    settle(&story, EVERYBODY);
    change(&story, 0, 6, 6, ROLE_OUT);
    settle(&story, EVERYBODY);
    pick(&story, 0);
    change(&story, 0, 3, 5, ROLE_OUT);
    gather(&story, awake);
    gather(&story, awake);
    fill(&story, awake);
    uint64_t id = begin(&story, 6, true);
    answered_by(&story, 6, WRITE, bit(story.u) | bit(story.v));
    settle(&story, awake);
    uint64_t read = begin(&story, story.a, false);
    answered_by(&story, story.a, READ, bit(story.a) | bit(story.b));
    assert_true(is_done(&story, story.a, read));
    check_well(&story);
    assert_false(is_done(&story, 6, id));
    answered_by(&story, 6, WRITE, bit(story.a) | bit(story.b));
    assert_true(is_done(&story, 6, id));
    story_end(&story);
}

/* A write begins under the old layout and stays in flight; no copy for the new one counts before
 * its coordinator has seen that there is one, and from then on it needs both. */
static void a_write_in_flight_under_the_old_layout_holds_up_the_new_one(void **state)
{
    struct story story;
    (void)state;
    story_begin(&story);
    uint32_t all_but = EVERYBODY & ~bit(1);
    story.p = 0;
    uint64_t id = begin(&story, 1, true);
    join_at(&story, 0);
    struct operation *operation = operation_find(node_of(&story, 1), id);
    lose(&story, WRITE);
    operation->partition = story.p;
    operation_ask(&story.world, node_of(&story, 1), operation);
    deliver(&story, WRITE, 1, 1);
    for (uint32_t turn = 0; turn < 4; turn++) {
        gather(&story, all_but);
        fill(&story, all_but);
    }
    const struct world_node *founder = node_of(&story, 0);
    assert_int_equal(founder->view->live_count, 2);
    assert_int_equal(founder->view->read_index, 0);
    assert_false(tracker_sync_ready(founder->view, 1));
    assert_false(view_marked(founder->view, 1, MARK_SYNCED, story.u + 1));

    /* It hears of the new layout while its write is in flight: not seen yet. */
    learn(&story, 1, EVERYBODY);
    node_track(&story.world, node_of(&story, 1));
    assert_false(view_marked(node_of(&story, 1)->view, 1, MARK_SEEN, 2));
    deliver(&story, ANSWER, 1, 1);
    node_track(&story.world, node_of(&story, 1));
    assert_true(view_marked(node_of(&story, 1)->view, 1, MARK_SEEN, 2));
    answered_by(&story, 1, WRITE, EVERYBODY);
    assert_true(is_done(&story, 1, id));
    settle(&story, EVERYBODY);
    story_end(&story);
}

/* Two of three have the write; everyone syncs from the third. */
static void nobody_is_synced_by_the_one_owner_that_missed_a_write(void **state)
{
    struct story story;
    (void)state;
    story_begin_joined(&story);
    gather_all(&story);
    write_by(&story, story.stays, bit(story.a) | bit(story.stays) | bit(story.u) | bit(story.v));
    node_of(&story, story.v)->places[story.p].data =
        (struct writes){0}; /* as if it had come before */
    each(&story, EVERYBODY, node_fill);
    deliver(&story, SYNC, ANYBODY, story.b);
    lose(&story, SYNC);
    deliver(&story, SYNCED, ANYBODY, ANYBODY);
    each(&story, EVERYBODY, node_fill);
    lose(&story, SYNC);
    each(&story, EVERYBODY, node_track);
    const struct world_node *v = node_of(&story, story.v);
    assert_false(view_marked(v->view, v->view->live_count - 1, MARK_SYNCED, story.v + 1));
    settle(&story, EVERYBODY);
    check_all_hold(&story, bit(story.v));
    story_end(&story);
}

/* A copy was asked for the new layout, and its answer travels for a long time. Meanwhile another
 * layout has followed and a write was acknowledged: what the answer brings is kept, but says
 * nothing of the later layout. */
static void a_handoff_that_resumes_late_counts_for_no_later_layout(void **state)
{
    struct story story;
    (void)state;
    story_begin_joined(&story);
    gather_all(&story);
    each(&story, bit(story.u), node_fill);
    assert_true(deliver(&story, SYNC, story.u, ANYBODY) >= 2);
    struct role heavier = *roles_find(&node_of(&story, 0)->view->roles, 1);
    operator_ask(&story.world, node_of(&story, 0), 0, ROLE_IN, heavier.weight + 1, false);
    operator_commit(&story.world, node_of(&story, 0));
    gather_all(&story);
    write_by(&story, story.stays, EVERYBODY & ~bit(story.u));
    node_of(&story, story.u)->places[story.p].data = (struct writes){0};
    deliver(&story, SYNCED, ANYBODY, story.u);
    each(&story, bit(story.u), node_fill);
    lose(&story, SYNC);
    each(&story, bit(story.u), node_track);
    const struct world_node *u = node_of(&story, story.u);
    if (layout_owns(view_newest(u->view), story.u + 1, story.p)) {
        assert_false(view_marked(u->view, u->view->live_count - 1, MARK_SYNCED, story.u + 1));
    }
    settle(&story, EVERYBODY);
    story_end(&story);
}

/* ---- conflicts ---- */

/* On either side of a cut a change is committed, both of one version; on the loser's side another
 * on top of it. A write is acknowledged on either side. Joined, all three are in force until the
 * winner of them all, and what is due after it, is synced; and no change is lost. */
static void two_commits_of_one_version_and_a_third_on_the_loser(void **state)
{
    (void)state;
    for (uint32_t third = 0; third < 2; third++) {
        struct story story;
        story_begin(&story);
        change(&story, 0, 3, 3, ROLE_IN);
        change(&story, 1, 4, 4, ROLE_IN);
        const struct layout *left = view_newest(node_of(&story, 0)->view);
        const struct layout *right = view_newest(node_of(&story, 1)->view);
        assert_int_equal(left->key.version, right->key.version);
        uint32_t loser = layout_key_compare(&left->key, &right->key) < 0 ? 0 : 1;
        if (third == 1) {
            change(&story, loser, 5, 5, ROLE_IN);
        }
        learn(&story, 2, bit(0));
        write_by(&story, 0, EVERYBODY & ~bit(1));
        learn(&story, 1, bit(0));
        learn(&story, 0, bit(1));
        const struct view *view = node_of(&story, 0)->view;
        assert_int_equal(view->live_count, third == 1 ? 4 : 3);
        assert_true(view_due(view));
        assert_true(layout_member_index(view_newest(view), 5 - (third == 1 ? loser : loser ^ 1)) <
                    0); /* the other side's joiner */
        operator_commit(&story.world, node_of(&story, 0));
        for (uint64_t node = 4; node <= (third == 1 ? 6u : 5u); node++) {
            assert_true(layout_member_index(view_newest(node_of(&story, 0)->view), node) >= 0);
        }
        settle(&story, EVERYBODY);
        story_end(&story);
    }
}

/* Everyone on the loser's side has seen the loser, of the same version as the winner, whom only the
 * other side knows: the winner is not seen by that. */
static void marks_speak_of_one_layout_not_of_a_version(void **state)
{
    struct story story;
    (void)state;
    story_begin(&story);
    change(&story, 0, 3, 3, ROLE_IN);
    change(&story, 1, 4, 4, ROLE_IN);
    const struct layout *left = view_newest(node_of(&story, 0)->view);
    const struct layout *right = view_newest(node_of(&story, 1)->view);
    uint32_t winner = layout_key_compare(&left->key, &right->key) < 0 ? 1 : 0;
    uint32_t others = (0x1f & ~bit(winner)) & ~bit(3 + winner);
    gather(&story, others);
    gather(&story, bit(winner) | bit(3 + winner));
    gather(&story, bit(winner) | bit(3 + winner));
    learn(&story, winner, others);
    node_track(&story.world, node_of(&story, winner));
    const struct view *view = node_of(&story, winner)->view;
    assert_int_equal(view->live_count, 3);
    assert_false(tracker_sync_ready(view, 2));
    learn(&story, winner ^ 1, bit(winner)); /* now the other side's do see it */
    gather_all(&story);
    assert_true(tracker_sync_ready(node_of(&story, winner)->view, 2));
    settle(&story, EVERYBODY);
    story_end(&story);
}

/* ---- letting go ---- */

/* The story's partition has moved, and the old owner `a` is to let go of it. */
static void move(struct story *story)
{
    story_begin_joined(story);
    settle(story, EVERYBODY);
}

/* Something that was never acknowledged reached only the old owner. */
static void store_unacknowledged(struct story *story, uint32_t n)
{
    struct writes one = {0};
    writes_add(&one, story->world.write_count++);
    node_store(&story->world, node_of(story, n), story->p, &one);
}

static void let_go(struct story *story, uint32_t n)
{
    release_step(&story->world, node_of(story, n));
    deliver(story, RELEASE, n, ANYBODY);
    deliver(story, TAKE, ANYBODY, n);
    deliver(story, TAKEN, n, ANYBODY);
}

static void an_old_owner_lets_go_only_of_what_all_owners_have_taken(void **state)
{
    struct story story;
    (void)state;
    move(&story);
    store_unacknowledged(&story, story.a);
    struct place *place = &node_of(&story, story.a)->places[story.p];
    release_step(&story.world, node_of(&story, story.a));
    assert_true(place->actor != 0);
    lose(&story, RELEASE);
    let_go(&story, story.a);
    deliver(&story, RELEASED, story.u, story.a);
    deliver(&story, RELEASED, story.v, story.a);
    release_step(&story.world, node_of(&story, story.a));
    assert_true(place->actor != 0); /* one is missing */
    deliver(&story, RELEASED, story.stays, story.a);
    release_step(&story.world, node_of(&story, story.a));
    assert_int_equal(place->actor, 0);
    check_all_hold(&story, bit(story.u) | bit(story.v) | bit(story.stays));
    story_end(&story);
}

/* The old owner has pushed what it had to all the new ones, and their answers are on their way,
 * when the partition comes back to it. It takes writes again, and the partition goes once more:
 * what was confirmed was not of these. */
static void a_partition_returns_to_an_earlier_owner_during_handoff(void **state)
{
    struct story story;
    (void)state;
    move(&story);
    store_unacknowledged(&story, story.a);
    let_go(&story, story.a);
    change(&story, 0, 3, 6, ROLE_OUT);
    gather(&story, EVERYBODY);
    assert_true(view_owns_at(node_of(&story, story.a)->view, story.a, story.p));
    settle(&story, EVERYBODY);
    store_unacknowledged(&story, story.a);
    change(&story, 0, 3, 6, ROLE_IN);
    settle(&story, EVERYBODY);
    store_unacknowledged(&story, story.a); /* to it alone, before it had heard of the change */
    const struct place *place = &node_of(&story, story.a)->places[story.p];
    assert_false(view_owns_at(node_of(&story, story.a)->view, story.a, story.p));
    assert_true(place->actor != 0);
    deliver(&story, RELEASED, ANYBODY, story.a); /* of long ago */
    release_step(&story.world, node_of(&story, story.a));
    assert_true(place->actor != 0);
    lose(&story, RELEASE);
    let_go(&story, story.a);
    deliver(&story, RELEASED, ANYBODY, story.a);
    release_step(&story.world, node_of(&story, story.a));
    assert_int_equal(place->actor, 0);
    check_all_hold(&story, owners_mask(view_newest(node_of(&story, 0)->view), story.p));
    story_end(&story);
}

/* ---- removals ---- */

/* One of the old owners is removed by force while the new layout is synced: the number of votes
 * stays what it was. */
static void a_removed_owner_lowers_no_quorum(void **state)
{
    struct story story;
    (void)state;
    story_begin_joined(&story);
    gather(&story, EVERYBODY);
    node_crash(node_of(&story, story.b));
    node_of(&story, story.b)->dead = true;
    operator_remove(&story.world, node_of(&story, 0 == story.b ? story.a : 0), story.b);
    uint32_t left = EVERYBODY & ~bit(story.b);
    gather(&story, left);
    uint64_t id = begin(&story, story.u, true);
    answered_by(&story, story.u, WRITE, left & ~bit(story.stays));
    assert_false(is_done(&story, story.u, id)); /* of the old layout only `a` has it */
    answered_by(&story, story.u, WRITE, bit(story.stays));
    assert_true(is_done(&story, story.u, id));
    assert_false(story.world.declared[story.p]);
    settle(&story, left);
    story_end(&story);
}

/* Two of the three old owners die during the change. Their removal says which partitions may have
 * lost writes; what is left goes on, and the change comes to its end. */
static void two_of_three_owners_die_during_a_change(void **state)
{
    struct story story;
    (void)state;
    story_begin_joined(&story);
    uint32_t left = EVERYBODY & ~bit(1) & ~bit(2);
    gather(&story, EVERYBODY);
    for (uint32_t n = 1; n <= 2; n++) {
        node_crash(node_of(&story, n));
        node_of(&story, n)->dead = true;
    }
    operator_remove(&story.world, node_of(&story, 0), 1);
    operator_remove(&story.world, node_of(&story, 0), 2);
    assert_int_equal(view_may_lose(node_of(&story, 0)->view, NULL, 0), WORLD_PARTITIONS);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        assert_true(story.world.declared[p]);
    }
    gather(&story, left);
    uint64_t id = begin(&story, 0, true);
    answered_by(&story, 0, WRITE, left);
    assert_true(is_done(&story, 0, id));
    settle(&story, left);
    id = begin(&story, story.u, false);
    answered_by(&story, story.u, READ, left);
    assert_true(is_done(&story, story.u, id));
    story_end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_go_by_the_old_layout_until_the_new_one_is_synced),
        cmocka_unit_test(a_write_needs_its_quorum_in_the_old_layout_too),
        cmocka_unit_test(who_knows_that_all_have_synced_waits_until_all_know),
        cmocka_unit_test(a_coordinator_that_slept_through_a_change_judges_by_the_views_of_answers),
        cmocka_unit_test(a_write_in_flight_under_the_old_layout_holds_up_the_new_one),
        cmocka_unit_test(nobody_is_synced_by_the_one_owner_that_missed_a_write),
        cmocka_unit_test(a_handoff_that_resumes_late_counts_for_no_later_layout),
        cmocka_unit_test(two_commits_of_one_version_and_a_third_on_the_loser),
        cmocka_unit_test(marks_speak_of_one_layout_not_of_a_version),
        cmocka_unit_test(an_old_owner_lets_go_only_of_what_all_owners_have_taken),
        cmocka_unit_test(a_partition_returns_to_an_earlier_owner_during_handoff),
        cmocka_unit_test(a_removed_owner_lowers_no_quorum),
        cmocka_unit_test(two_of_three_owners_die_during_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
