/* Operators' changes of membership: what each comes to, what is refused, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"
#include "support/fake_world.h"

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 3, 2, 2);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

static void start(struct fake_world *world, uint32_t node)
{
    assert_int_equal(fake_world_start(world, node), 0);
    fake_world_run(world, 300 * MS);
}

/* Nodes 0 to count - 1 in one cluster. */
static void grow(struct fake_world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        start(world, i);
        if (i > 0) {
            struct world_answer *join = fake_world_join(world, i, world_port(0));
            fake_world_run(world, 3000 * MS);
            assert_int_equal(join->code, 0);
        }
    }
    fake_world_run(world, 4000 * MS);
    assert_int_equal(world_members(world, 0), count);
}

static struct message_change about(uint32_t op, const char *node)
{
    return (struct message_change){
        .op = op, .node = node == NULL ? bytes_make(NULL, 0) : bytes_from_string(node)};
}

static struct world_answer *ask(struct fake_world *world, uint32_t node,
                                const struct message_change *change)
{
    struct world_answer *answer = fake_world_change(world, node, 0, change);
    fake_world_run(world, 3000 * MS);
    assert_true(answer->done);
    return answer;
}

static struct world_answer *ask_plainly(struct fake_world *world, uint32_t node, uint32_t op,
                                        const char *name)
{
    struct message_change change = about(op, name);
    return ask(world, node, &change);
}

static struct world_answer *ask_staged(struct fake_world *world, uint32_t node, uint32_t op,
                                       const char *name)
{
    struct message_change change = about(op, name);
    change.stage = true;
    return ask(world, node, &change);
}

static const struct plan_row *row(const struct world_answer *answer, const char *name)
{
    for (uint32_t i = 0; i < answer->plan.count; i++) {
        if (strcmp(answer->names[i], name) == 0) {
            return &answer->rows[i];
        }
    }
    return NULL;
}

static void settle(struct fake_world *world)
{
    fake_world_run(world, 15000 * MS);
}

static const struct view *view_of(struct fake_world *world, uint32_t node)
{
    return world_snapshot(world, node)->view;
}

static uint32_t state_of(struct fake_world *world, uint32_t node)
{
    const struct snapshot *snapshot = world_snapshot(world, node);
    return snapshot_find(snapshot, snapshot->self)->state;
}

static const struct snapshot_node *seen_by(struct fake_world *world, uint32_t by, uint32_t node)
{
    return snapshot_find(world_snapshot(world, by), world_snapshot(world, node)->self);
}

static uint64_t slots(const struct world_answer *answer)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < answer->plan.count; i++) {
        sum += answer->rows[i].partitions_after;
    }
    return sum;
}

/* ---- leaving ---- */

static void a_node_that_leaves_is_told_what_moves(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    struct world_answer *leave = ask_plainly(world, 3, CHANGE_LEAVE, NULL);
    assert_int_equal(leave->code, 0);
    assert_true(leave->changed && leave->plan.changes && leave->plan.committed);
    assert_int_equal(leave->plan.version_after, leave->plan.version_before + 1);
    assert_int_equal(leave->plan.count, 4);
    const struct plan_row *left = row(leave, "node3");
    assert_int_equal(left->kind, CHANGE_LEAVES);
    assert_int_equal(left->partitions_before, 12);
    assert_int_equal(left->partitions_after, 0);
    assert_int_equal(row(leave, "node0")->kind, CHANGE_STAYS);
    assert_int_equal(leave->plan.moves, 12);
    assert_int_equal(leave->plan.moves_least, 12);
    assert_int_equal(slots(leave), 3 * WORLD_PARTITIONS);
    assert_int_equal(leave->plan.replicas_after, 3);
    assert_int_equal(leave->plan.may_lose, 0);
    assert_int_equal(leave->plan.share_excess_after_milli, 0);
    settle(world);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(view_of(world, 0)->live_count, 1);
    assert_int_equal(state_of(world, 3), NODE_LEFT);
    assert_int_equal(seen_by(world, 0, 3)->state, NODE_LEFT);
}

static void leaving_again_changes_nothing(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    (void)ask_plainly(world, 3, CHANGE_LEAVE, NULL);
    settle(world);
    struct world_answer *again = ask_plainly(world, 3, CHANGE_LEAVE, NULL);
    assert_int_equal(again->code, 0);
    assert_false(again->plan.changes);
    assert_non_null(strstr(again->text, "node3"));
    assert_int_equal(ask_plainly(world, 0, CHANGE_LEAVE, "node3")->code, 0);
    assert_int_equal(ask_plainly(world, 0, CHANGE_REMOVE, "node3")->code, 0);
    struct world_answer *other = ask_plainly(world, 3, CHANGE_LEAVE, "node1");
    assert_int_equal(other->code, SHOAL_ECONFLICT); /* it is no member: others should be asked */
}

static void a_node_can_be_sent_away_by_another(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    assert_int_equal(ask_plainly(world, 1, CHANGE_REMOVE, "node3")->code, 0);
    settle(world);
    assert_int_equal(state_of(world, 3), NODE_LEFT);
    assert_false(view_removed(view_of(world, 0), world_snapshot(world, 3)->self));
}

static void the_last_member_can_not_leave(void **state)
{
    struct fake_world *world = *state;
    grow(world, 1);
    struct world_answer *leave = ask_plainly(world, 0, CHANGE_LEAVE, NULL);
    assert_int_equal(leave->code, SHOAL_ECONFLICT);
    assert_false(leave->changed);
    struct message_change forced = about(CHANGE_LEAVE, NULL);
    forced.force = true;
    assert_int_equal(ask(world, 0, &forced)->code, SHOAL_ECONFLICT);
    assert_int_equal(ask_staged(world, 0, CHANGE_LEAVE, NULL)->code, SHOAL_ECONFLICT);
    assert_int_equal(view_staged(view_of(world, 0)), 0);
    assert_int_equal(world_members(world, 0), 1);
}

static void fewer_members_than_w_only_by_force(void **state)
{
    struct fake_world *world = *state;
    grow(world, 2);
    struct world_answer *leave = ask_plainly(world, 1, CHANGE_LEAVE, NULL);
    assert_int_equal(leave->code, SHOAL_EQUORUM);
    assert_non_null(strstr(leave->text, "W=2"));
    assert_int_equal(world_members(world, 0), 2);
    struct message_change forced = about(CHANGE_LEAVE, NULL);
    forced.force = true;
    assert_int_equal(ask(world, 1, &forced)->code, 0);
    settle(world);
    assert_int_equal(world_members(world, 0), 1);
    assert_int_equal(state_of(world, 1), NODE_LEFT);
}

static void fewer_members_than_n_is_said(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    struct world_answer *leave = ask_plainly(world, 0, CHANGE_LEAVE, "node2");
    assert_int_equal(leave->code, 0);
    assert_non_null(strstr(leave->text, "N=3"));
    assert_int_equal(leave->plan.replicas_after, 2);
}

static void a_node_that_has_left_stays_so_over_a_restart_and_passes_requests_on(void **state)
{
    struct fake_world *world = *state;
    world_seeds(world, 3, (uint32_t[]){0}, 1);
    grow(world, 3);
    start(world, 3);
    settle(world);
    assert_int_equal(world_members(world, 3), 4);
    assert_int_equal(ask_plainly(world, 3, CHANGE_LEAVE, NULL)->code, 0);
    settle(world);
    assert_int_equal(state_of(world, 3), NODE_LEFT);
    fake_world_kill(world, 3);
    start(world, 3);
    settle(world);
    assert_int_equal(world_members(world, 3), 3);
    assert_int_equal(state_of(world, 3), NODE_LEFT);
    struct world_answer *put = fake_world_put(world, 3, 0, "key", "value");
    fake_world_run(world, 1000 * MS);
    assert_int_equal(put->code, 0);
    struct world_answer *get = fake_world_get(world, 3, 0, "key");
    fake_world_run(world, 1000 * MS);
    assert_string_equal(get->value, "value");
}

static void a_node_that_has_left_joins_again_under_its_id(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    uint64_t id = world_snapshot(world, 3)->self;
    assert_int_equal(ask_plainly(world, 3, CHANGE_LEAVE, NULL)->code, 0);
    settle(world);
    struct world_answer *join = fake_world_join(world, 3, world_port(1));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0);
    settle(world);
    assert_int_equal(world_members(world, 0), 4);
    assert_int_equal(world_snapshot(world, 3)->self, id);
    assert_int_equal(view_of(world, 0)->live_count, 1);
    assert_int_equal(state_of(world, 3), NODE_UP);
}

static void a_node_that_leaves_can_not_join_before_it_has_left(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_cut(world, 2, true); /* so that the change can't end */
    assert_int_equal(ask_plainly(world, 3, CHANGE_LEAVE, NULL)->code, 0);
    fake_world_run(world, 1000 * MS);
    assert_int_equal(state_of(world, 3), NODE_LEAVING);
    struct world_answer *join = fake_world_join(world, 3, world_port(0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(join->code, SHOAL_ECONFLICT);
    assert_non_null(strstr(join->text, "leaving"));
    fake_world_kill(world, 3);
    start(world, 3);
    fake_world_run(world, 2000 * MS);
    assert_int_equal(state_of(world, 3), NODE_LEAVING);
    fake_world_cut(world, 2, false);
    settle(world);
    assert_int_equal(state_of(world, 3), NODE_LEFT);
}

/* ---- removing ---- */

static void a_dead_node_is_removed_for_good(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    uint64_t id = world_snapshot(world, 3)->self;
    fake_world_kill(world, 3);
    settle(world);
    struct world_answer *removal = ask_plainly(world, 0, CHANGE_REMOVE, "node3");
    assert_int_equal(removal->code, 0);
    assert_int_equal(row(removal, "node3")->kind, CHANGE_REMOVED);
    assert_int_equal(removal->plan.may_lose, 0);
    settle(world);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(view_removed(view_of(world, i), id));
        assert_int_equal(view_of(world, i)->live_count, 1);
        assert_int_equal(world_members(world, i), 3);
    }
}

static void a_removal_that_may_lose_writes_wants_force(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_cut(world, 1, true); /* so that no change ends */
    fake_world_kill(world, 2);
    fake_world_kill(world, 3);
    fake_world_run(world, 6000 * MS);
    assert_int_equal(ask_plainly(world, 0, CHANGE_REMOVE, "node3")->code, 0);
    struct message_change second = about(CHANGE_REMOVE, "node2");
    struct world_answer *refused = ask(world, 0, &second);
    assert_int_equal(refused->code, SHOAL_EQUORUM);
    assert_non_null(strstr(refused->text, "node2"));
    assert_non_null(strstr(refused->text, "--force"));
    second.stage = true;
    assert_int_equal(ask(world, 0, &second)->code, SHOAL_EQUORUM);
    second.stage = false;
    second.force = true;
    struct world_answer *forced = ask(world, 0, &second);
    assert_int_equal(forced->code, 0);
    assert_true(forced->plan.may_lose > 0);
    assert_int_equal(view_may_lose(view_of(world, 0), NULL, 0), forced->plan.may_lose);
}

static void a_node_that_was_not_heard_yet_is_not_taken_for_dead(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_kill(world, 0);
    for (uint32_t i = 1; i < 4; i++) {
        fake_world_cut(world, i, true);
    }
    start(world, 0);
    uint64_t id = world_snapshot(world, 3)->self;
    assert_int_equal(seen_by(world, 0, 3)->state, NODE_SUSPECT);
    assert_int_equal(ask_plainly(world, 0, CHANGE_REMOVE, "node3")->code, 0);
    assert_false(view_removed(view_of(world, 0), id)); /* it is to leave */
    assert_int_equal(seen_by(world, 0, 3)->state, NODE_DOWN);
}

static void a_node_that_may_be_cut_off_is_told_so(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_cut(world, 0, true);
    settle(world);
    struct world_answer *removal = ask_plainly(world, 0, CHANGE_REMOVE, "node3");
    assert_int_equal(removal->code, 0);
    assert_non_null(strstr(removal->text, "cut off"));
}

static void a_removed_node_says_so_and_serves_nothing(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    struct message_change removal = about(CHANGE_REMOVE, "node3");
    removal.force = true;
    assert_int_equal(ask(world, 3, &removal)->code, SHOAL_EINVAL); /* not itself */
    assert_int_equal(ask(world, 0, &removal)->code, 0);
    settle(world);
    struct world_answer *put = fake_world_put(world, 3, 0, "key", "value");
    fake_world_run(world, 500 * MS);
    assert_int_equal(put->code, SHOAL_EPERM);
    assert_non_null(strstr(put->text, "removed"));
    struct world_answer *get = fake_world_get(world, 3, 0, "key");
    fake_world_run(world, 500 * MS);
    assert_int_equal(get->code, SHOAL_EPERM);
    assert_int_equal(ask_plainly(world, 3, CHANGE_PLAN, NULL)->code, SHOAL_EPERM);
    struct world_answer *join = fake_world_join(world, 3, world_port(0));
    fake_world_run(world, 500 * MS);
    assert_int_equal(join->code, SHOAL_EPERM);
    for (uint32_t i = 0; i < 3; i++) {
        assert_false(world->nodes[3].wanted[0][i]);
        assert_false(world->nodes[i].wanted[0][3]);
    }
    assert_int_equal(ask_plainly(world, 0, CHANGE_REMOVE, "node3")->code, 0); /* already */
}

static void a_node_that_was_removed_while_it_was_down_learns_it(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_kill(world, 3);
    settle(world);
    assert_int_equal(ask_plainly(world, 0, CHANGE_REMOVE, "node3")->code, 0);
    settle(world);
    start(world, 3);
    settle(world);
    struct world_answer *put = fake_world_put(world, 3, 0, "key", "value");
    fake_world_run(world, 500 * MS);
    assert_int_equal(put->code, SHOAL_EPERM);
    assert_int_equal(world_members(world, 0), 3);
    fake_world_kill(world, 3);
    start(world, 3); /* and doesn't forget it */
    put = fake_world_put(world, 3, 0, "key", "value");
    fake_world_run(world, 500 * MS);
    assert_int_equal(put->code, SHOAL_EPERM);
}

static void count_warnings(void *self, enum log_level level, struct bytes line)
{
    static const char said[] = "acknowledged writes may be lost";
    uint32_t *count = self;
    *count += level == LOG_WARNING && memmem(line.data, line.len, said, strlen(said)) != NULL;
}

static void two_removals_that_come_together_are_warned_of(void **state)
{
    struct fake_world *world = *state;
    grow(world, 5);
    fake_world_cut(world, 0, true);
    fake_world_run(world, 500 * MS);
    struct message_change one = about(CHANGE_REMOVE, "node3");
    struct message_change other = about(CHANGE_REMOVE, "node4");
    one.force = true;
    other.force = true;
    assert_int_equal(ask(world, 0, &one)->plan.may_lose, 0); /* each alone takes one copy of two */
    struct world_answer *answer = fake_world_change(world, 1, 0, &other);
    fake_world_run(world, 100 * MS);
    assert_int_equal(answer->plan.may_lose, 0);
    uint32_t warnings = 0;
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT, NULL, count_warnings, &warnings);
    fake_world_cut(world, 0, false);
    fake_world_run(world, 1000 * MS);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, NULL, NULL);
    assert_true(warnings > 0);
}

/* Two operators who don't know of each other, say. No leaver can be done, for the dead one's word
 * is missing, and no last member can be removed: one more has to come. */
static void where_only_a_dead_member_stays_a_new_one_frees_the_leavers(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    fake_world_kill(world, 2);
    settle(world);
    assert_int_equal(ask_plainly(world, 0, CHANGE_LEAVE, NULL)->code, 0);
    struct message_change leave = about(CHANGE_LEAVE, NULL);
    leave.force = true; /* fewer are left than W */
    assert_int_equal(ask(world, 1, &leave)->code, 0);
    settle(world);
    struct message_change removal = about(CHANGE_REMOVE, "node2");
    removal.force = true;
    assert_int_equal(ask(world, 0, &removal)->code, SHOAL_ECONFLICT);
    start(world, 3);
    struct world_answer *join = fake_world_join(world, 3, world_port(0));
    settle(world);
    assert_int_equal(join->code, 0);
    assert_int_equal(ask(world, 3, &removal)->code, 0);
    settle(world);
    settle(world);
    assert_int_equal(world_members(world, 3), 1);
    assert_int_equal(view_of(world, 3)->live_count, 1);
    assert_int_equal(state_of(world, 0), NODE_LEFT);
    assert_int_equal(state_of(world, 1), NODE_LEFT);
}

static void a_leaver_that_dies_is_removed_and_freezes_nothing(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_cut(world, 2, true);
    assert_int_equal(ask_plainly(world, 3, CHANGE_LEAVE, NULL)->code, 0);
    fake_world_kill(world, 3);
    fake_world_cut(world, 2, false);
    settle(world);
    assert_int_equal(view_of(world, 0)->live_count, 2); /* it is counted still */
    assert_int_equal(ask_plainly(world, 0, CHANGE_REMOVE, "node3")->code, 0);
    settle(world);
    assert_int_equal(view_of(world, 0)->live_count, 1);
    assert_int_equal(world_members(world, 0), 3);
}

/* ---- setting, staging ---- */

static void weight_and_zone_follow_the_operator(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    struct message_change set = about(CHANGE_SET, "node3");
    set.weight = 3;
    set.zone = bytes_from_string("b");
    struct world_answer *answer = ask(world, 1, &set);
    assert_int_equal(answer->code, 0);
    assert_int_equal(row(answer, "node3")->kind, CHANGE_REWEIGHED);
    assert_int_equal(row(answer, "node3")->weight, 3);
    settle(world);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(seen_by(world, i, 3)->weight, 3);
        assert_string_equal(seen_by(world, i, 3)->record.zone, "b");
    }
    fake_world_kill(world, 3); /* its configuration says otherwise */
    start(world, 3);
    settle(world);
    assert_int_equal(seen_by(world, 0, 3)->weight, 3);
    assert_string_equal(seen_by(world, 0, 3)->record.zone, "b");
    assert_string_equal(seen_by(world, 3, 3)->record.zone, "b");
    struct world_answer *same = ask(world, 0, &set);
    assert_int_equal(same->code, 0);
    assert_false(same->plan.changes);
}

static void what_can_not_be_is_refused_by_name(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    struct world_answer *answer = ask_plainly(world, 0, CHANGE_REMOVE, "node8");
    assert_int_equal(answer->code, SHOAL_EINVAL);
    assert_non_null(strstr(answer->text, "node8"));
    answer = ask_plainly(world, 0, CHANGE_SET, "node1");
    assert_int_equal(answer->code, SHOAL_EINVAL);
    struct message_change set = about(CHANGE_SET, "node1");
    set.weight = LIMIT_WEIGHT + 1;
    assert_int_equal(ask(world, 0, &set)->code, SHOAL_EINVAL);
    assert_int_equal(ask_plainly(world, 0, 77, "node1")->code, SHOAL_EUNSUPPORTED);
    struct message_change plan = about(CHANGE_PLAN, NULL);
    plan.nodes = 100000;
    assert_int_equal(ask(world, 0, &plan)->code, SHOAL_EINVAL);
    assert_int_equal(view_of(world, 0)->roles.count, 3);
}

static void staged_changes_wait_for_commit_and_survive_restarts(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    struct world_answer *staged = ask_staged(world, 0, CHANGE_LEAVE, "node3");
    assert_int_equal(staged->code, 0);
    assert_true(staged->plan.changes);
    assert_false(staged->plan.committed);
    assert_int_equal(staged->plan.version_after, staged->plan.version_before + 1);
    struct message_change set = about(CHANGE_SET, "node1");
    set.weight = 2;
    set.stage = true;
    assert_int_equal(ask(world, 1, &set)->code, 0);
    settle(world);
    fake_world_kill(world, 0);
    fake_world_kill(world, 1);
    start(world, 0);
    start(world, 1);
    settle(world);
    assert_int_equal(world_members(world, 0), 4);
    assert_int_equal(seen_by(world, 0, 1)->weight, 1);
    struct world_answer *plan = ask_plainly(world, 2, CHANGE_PLAN, NULL);
    assert_int_equal(plan->code, 0);
    assert_true(plan->plan.changes);
    assert_false(plan->plan.committed);
    assert_int_equal(row(plan, "node3")->kind, CHANGE_LEAVES);
    assert_int_equal(row(plan, "node1")->kind, CHANGE_REWEIGHED);
    /* A change at once leaves them staged. */
    struct message_change other = about(CHANGE_SET, "node2");
    other.zone = bytes_from_string("z");
    assert_int_equal(ask(world, 2, &other)->code, 0);
    assert_int_equal(view_staged(view_of(world, 2)), 2);
    assert_int_equal(world_members(world, 2), 4);
    settle(world);
    struct world_answer *commit = ask_plainly(world, 2, CHANGE_COMMIT, NULL);
    assert_int_equal(commit->code, 0);
    assert_true(commit->plan.committed);
    settle(world);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(seen_by(world, 0, 1)->weight, 2);
    assert_int_equal(view_staged(view_of(world, 0)), 0);
    struct world_answer *nothing = ask_plainly(world, 0, CHANGE_COMMIT, NULL);
    assert_int_equal(nothing->code, 0);
    assert_false(nothing->plan.changes);
}

static void staged_changes_are_never_committed_by_themselves(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    (void)ask_staged(world, 3, CHANGE_LEAVE, NULL);
    fake_world_run(world, 60000 * MS);
    assert_int_equal(world_members(world, 0), 4);
    assert_int_equal(view_of(world, 0)->live_count, 1);
    assert_int_equal(state_of(world, 3), NODE_UP);
}

static void a_staged_removal_counts_only_once_it_is_committed(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    uint64_t id = world_snapshot(world, 3)->self;
    fake_world_kill(world, 3);
    settle(world);
    struct world_answer *staged = ask_staged(world, 0, CHANGE_REMOVE, "node3");
    assert_int_equal(staged->code, 0);
    assert_int_equal(row(staged, "node3")->kind, CHANGE_REMOVED);
    start(world, 3); /* it comes back, and is a member as before */
    settle(world);
    assert_false(view_removed(view_of(world, 0), id));
    assert_int_equal(seen_by(world, 0, 3)->state, NODE_UP);
    assert_int_equal(ask_plainly(world, 1, CHANGE_CANCEL, NULL)->code, 0);
    settle(world);
    fake_world_kill(world, 3);
    settle(world);
    assert_int_equal(ask_staged(world, 0, CHANGE_REMOVE, "node3")->code, 0);
    struct world_answer *commit = ask_plainly(world, 2, CHANGE_COMMIT, NULL);
    assert_int_equal(commit->code, 0);
    assert_int_equal(row(commit, "node3")->kind, CHANGE_REMOVED);
    settle(world);
    assert_true(view_removed(view_of(world, 0), id));
    assert_int_equal(world_members(world, 0), 3);
}

static void a_change_goes_on_with_a_node_that_was_down_meanwhile(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_kill(world, 1);
    struct message_change set = about(CHANGE_SET, "node3");
    set.weight = 4;
    assert_int_equal(ask(world, 0, &set)->code, 0);
    settle(world);
    assert_int_equal(view_of(world, 0)->live_count, 2); /* it is waited for */
    start(world, 1);
    settle(world);
    assert_int_equal(view_of(world, 1)->live_count, 1);
    assert_int_equal(seen_by(world, 1, 3)->weight, 4);
}

static void cancel_forgets_what_is_staged(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    (void)ask_staged(world, 0, CHANGE_LEAVE, "node2");
    start(world, 3);
    struct world_answer *join = fake_world_join_staged(world, 3, world_port(0));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0);
    assert_int_equal(state_of(world, 3), NODE_JOINING);
    assert_int_equal(world_members(world, 3), 3);
    assert_int_equal(view_staged(view_of(world, 1)), 2);
    struct world_answer *cancel = ask_plainly(world, 1, CHANGE_CANCEL, NULL);
    assert_int_equal(cancel->code, 0);
    assert_true(cancel->plan.changes);
    settle(world);
    assert_int_equal(view_staged(view_of(world, 3)), 0);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(state_of(world, 3), NODE_LEFT);
    assert_false(ask_plainly(world, 1, CHANGE_CANCEL, NULL)->plan.changes);
    struct world_answer *again = fake_world_join(world, 3, world_port(0));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(again->code, 0);
    settle(world);
    assert_int_equal(world_members(world, 0), 4);
}

static void a_staged_joiner_gets_its_share_by_commit(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    start(world, 3);
    struct world_answer *join = fake_world_join_staged(world, 3, world_port(0));
    fake_world_run(world, 2000 * MS);
    assert_int_equal(join->code, 0);
    fake_world_kill(world, 3); /* in this stage, too */
    start(world, 3);
    settle(world);
    assert_int_equal(state_of(world, 3), NODE_JOINING);
    struct world_answer *twice = fake_world_join(world, 3, world_port(0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(twice->code, SHOAL_ECONFLICT);
    struct world_answer *commit = ask_plainly(world, 3, CHANGE_COMMIT, NULL);
    assert_int_equal(commit->code, 0);
    assert_int_equal(row(commit, "node3")->kind, CHANGE_JOINS);
    assert_int_equal(row(commit, "node3")->partitions_in, 12);
    settle(world);
    assert_int_equal(world_members(world, 0), 4);
    assert_int_equal(state_of(world, 3), NODE_UP);
}

static void plan_tells_what_if_there_were_more_or_fewer(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    struct world_answer *now = ask_plainly(world, 0, CHANGE_PLAN, NULL);
    assert_int_equal(now->code, 0);
    assert_false(now->plan.changes);
    assert_int_equal(now->plan.moves, 0);
    struct message_change plan = about(CHANGE_PLAN, NULL);
    plan.nodes = 5;
    struct world_answer *more = ask(world, 0, &plan);
    assert_int_equal(more->code, 0);
    assert_int_equal(more->plan.count, 5);
    assert_false(more->plan.committed);
    assert_int_equal(row(more, "+1")->node, 0);
    assert_int_equal(row(more, "+1")->kind, CHANGE_JOINS);
    assert_true(row(more, "+2")->partitions_in >= 9);
    plan.nodes = 2;
    struct world_answer *fewer = ask(world, 0, &plan);
    assert_int_equal(fewer->code, 0);
    assert_int_equal(fewer->plan.replicas_after, 2);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(view_of(world, 0)->live_count, 1);
}

static void bytes_to_move_are_estimated(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    for (uint32_t i = 0; i < 50; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        (void)fake_world_put(world, 0, 0, key, "some value of some length");
    }
    fake_world_run(world, 3000 * MS);
    struct message_change plan = about(CHANGE_PLAN, NULL);
    plan.nodes = 4;
    struct world_answer *answer = ask(world, 1, &plan);
    uint64_t held = world_snapshot(world, 0)->nodes[0].record.bytes;
    assert_true(held > 0);
    assert_in_range(answer->plan.bytes_in, held / 2, held);
    assert_int_equal(row(answer, "+1")->bytes_in, answer->plan.bytes_in);
}

/* ---- when it is done ---- */

static void a_change_is_not_done_before_it_is_durable(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    world->nodes[0].keeps_held = true;
    struct message_change leave = about(CHANGE_LEAVE, "node2");
    struct world_answer *answer = fake_world_change(world, 0, 0, &leave);
    fake_world_run(world, 1000 * MS);
    assert_false(answer->done);
    assert_int_equal(world_members(world, 1), 3);
    world->nodes[0].keeps_held = false;
    fake_world_keep(world, 0);
    fake_world_run(world, 1000 * MS);
    assert_true(answer->done);
    assert_int_equal(answer->code, 0);
    assert_int_equal(world_members(world, 1), 2);
}

static void a_change_that_can_not_be_kept_in_time_is_unknown(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    world->nodes[0].keeps_held = true;
    struct message_change leave = about(CHANGE_LEAVE, "node2");
    leave.timeout_us = 2000 * MS;
    struct world_answer *answer = fake_world_change(world, 0, 0, &leave);
    fake_world_run(world, 2500 * MS);
    assert_int_equal(answer->code, SHOAL_EUNKNOWN);
    struct world_answer *cut_short = fake_world_change(world, 0, 0, &leave);
    world->nodes[0].keeps_held = false;
    fake_world_keep(world, 0);
    settle(world);
    assert_true(cut_short->done);
    assert_int_equal(world_members(world, 1), 2);
}

static void a_change_is_known_to_another_when_it_is_done(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    struct message_change leave = about(CHANGE_LEAVE, "node3");
    struct world_answer *answer = fake_world_change(world, 0, 0, &leave);
    while (!answer->done) {
        fake_world_run(world, 1 * MS);
    }
    fake_world_kill(world, 0); /* at once */
    fake_world_run(world, 3000 * MS);
    assert_int_equal(world_members(world, 1), 3);
    assert_int_equal(world_members(world, 2), 3);
}

static void where_nobody_can_be_reached_being_durable_has_to_do(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_cut(world, 0, true);
    fake_world_run(world, 500 * MS);
    struct world_answer *answer = ask_plainly(world, 0, CHANGE_LEAVE, "node3");
    assert_int_equal(answer->code, 0);
    assert_non_null(strstr(answer->text, "no other member"));
    fake_world_cut(world, 0, false);
    settle(world);
    assert_int_equal(world_members(world, 1), 3);
}

static void a_node_that_stops_answers_what_it_was_asked(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    world->nodes[0].keeps_held = true;
    struct message_change leave = about(CHANGE_LEAVE, "node2");
    struct world_answer *answer = fake_world_change(world, 0, 0, &leave);
    fake_world_run(world, 100 * MS);
    fake_world_stop(world, 0);
    assert_true(answer->done);
    assert_int_equal(answer->code, SHOAL_EUNKNOWN);
}

static void any_worker_takes_a_change_and_answers_it(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].worker_count = 3;
    grow(world, 3);
    struct message_change plan = about(CHANGE_PLAN, NULL);
    plan.nodes = 4;
    struct world_answer *answer = fake_world_change(world, 0, 2, &plan);
    fake_world_run(world, 1000 * MS);
    assert_int_equal(answer->code, 0);
    assert_true(answer->changed);
    assert_int_equal(answer->plan.count, 4);
    assert_int_equal(row(answer, "+1")->kind, CHANGE_JOINS);
    assert_string_equal(answer->names[1], "node0");
}

/* ---- two at once ---- */

static void both_of_two_changes_on_two_sides_happen(void **state)
{
    struct fake_world *world = *state;
    grow(world, 5);
    fake_world_cut(world, 1, true);
    fake_world_run(world, 500 * MS);
    struct message_change set = about(CHANGE_SET, "node1");
    set.weight = 2;
    struct message_change leave = about(CHANGE_LEAVE, "node4");
    assert_int_equal(ask(world, 1, &set)->code, 0);
    assert_int_equal(ask(world, 0, &leave)->code, 0);
    assert_int_equal(view_newest(view_of(world, 0))->key.version,
                     view_newest(view_of(world, 1))->key.version);
    fake_world_cut(world, 1, false);
    settle(world);
    settle(world);
    assert_int_equal(world_members(world, 2), 4);
    assert_int_equal(seen_by(world, 2, 1)->weight, 2);
    assert_int_equal(view_of(world, 2)->live_count, 1);
    assert_false(view_due(view_of(world, 2)));
    assert_int_equal(state_of(world, 4), NODE_LEFT);
}

static void of_two_that_leave_each_other_one_stays(void **state)
{
    struct fake_world *world = *state;
    grow(world, 2);
    fake_world_cut(world, 1, true);
    fake_world_run(world, 500 * MS);
    struct message_change leave = about(CHANGE_LEAVE, NULL);
    leave.force = true;
    assert_int_equal(ask(world, 0, &leave)->code, 0);
    assert_int_equal(ask(world, 1, &leave)->code, 0);
    fake_world_cut(world, 1, false);
    settle(world);
    settle(world);
    assert_int_equal(world_members(world, 0), 1);
    assert_int_equal(world_members(world, 1), 1);
    assert_false(view_due(view_of(world, 0)));
    int left = (state_of(world, 0) == NODE_LEFT) + (state_of(world, 1) == NODE_LEFT);
    assert_int_equal(left, 1);
}

static void over_the_bound_a_change_waits_and_is_made_later(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_cut(world, 3, true); /* nothing comes to its end */
    fake_world_run(world, 300 * MS);
    struct message_change set = about(CHANGE_SET, "node1");
    uint32_t committed = 0;
    struct world_answer *answer = NULL;
    for (uint32_t i = 0; i < LIMIT_LIVE_LAYOUTS; i++) {
        set.weight = 2 + i;
        answer = ask(world, 0, &set);
        assert_int_equal(answer->code, 0);
        committed += answer->plan.committed;
    }
    assert_int_equal(committed, LIMIT_LIVE_LAYOUTS - 1);
    assert_true(answer->plan.changes);
    assert_non_null(strstr(answer->text, "by itself"));
    struct message_change removal = about(CHANGE_REMOVE, "node3");
    removal.force = true;
    assert_int_equal(ask(world, 0, &removal)->code, 0); /* never refused for that */
    settle(world);
    settle(world);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(seen_by(world, 0, 1)->weight, 1 + LIMIT_LIVE_LAYOUTS);
    assert_int_equal(view_of(world, 0)->live_count, 1);
    assert_false(view_due(view_of(world, 0)));
}

/* ---- replacing ---- */

static struct message_change replacement(const char *old, uint32_t by)
{
    struct message_change change = about(CHANGE_REPLACE, old);
    (void)snprintf(change.host, sizeof(change.host), "10.0.0.1");
    change.port = world_port(by);
    return change;
}

static void a_member_is_replaced_in_one_layout(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    start(world, 3);
    uint64_t version = view_newest(view_of(world, 0))->key.version;
    struct message_change replace = replacement("node2", 3);
    struct world_answer *answer = ask(world, 0, &replace);
    assert_int_equal(answer->code, 0);
    assert_true(answer->plan.committed);
    assert_int_equal(row(answer, "node2")->kind, CHANGE_LEAVES);
    assert_int_equal(row(answer, "node3")->kind, CHANGE_JOINS);
    assert_int_equal(answer->plan.moves, WORLD_PARTITIONS); /* only to the new one */
    settle(world);
    assert_int_equal(view_newest(view_of(world, 0))->key.version, version + 1);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(state_of(world, 2), NODE_LEFT);
    assert_int_equal(state_of(world, 3), NODE_UP);
}

static void a_dead_member_is_replaced_for_good(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    struct message_change set = about(CHANGE_SET, "node2");
    set.weight = 5;
    assert_int_equal(ask(world, 0, &set)->code, 0);
    settle(world);
    uint64_t id = world_snapshot(world, 2)->self;
    fake_world_kill(world, 2);
    settle(world);
    start(world, 3);
    struct message_change replace = replacement("node2", 3);
    struct world_answer *answer = ask(world, 1, &replace);
    assert_int_equal(answer->code, 0);
    settle(world);
    assert_true(view_removed(view_of(world, 0), id));
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(seen_by(world, 0, 3)->weight, 5); /* the old one's */
    assert_int_equal(view_of(world, 0)->live_count, 1);
}

static void a_replacement_that_does_not_answer_changes_nothing(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    struct message_change replace = replacement("node2", 3); /* which is down */
    replace.timeout_us = 2000 * MS;
    struct world_answer *answer = ask(world, 0, &replace);
    assert_true(answer->code < 0);
    assert_non_null(strstr(answer->text, "nothing was replaced"));
    replace.port = 1; /* nobody's */
    answer = ask(world, 0, &replace);
    assert_int_equal(answer->code, SHOAL_ECONNECT);
    replace = replacement("node2", 1); /* a member */
    assert_int_equal(ask(world, 0, &replace)->code, SHOAL_ECONFLICT);
    replace = replacement("node9", 3);
    assert_int_equal(ask(world, 0, &replace)->code, SHOAL_EINVAL);
    replace = replacement("node2", 3);
    replace.port = 0;
    assert_int_equal(ask(world, 0, &replace)->code, SHOAL_EINVAL);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(view_of(world, 0)->roles.count, 3);
    assert_false(view_pending(view_of(world, 0)));
}

static void a_node_that_has_left_may_replace_another(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    start(world, 3);
    struct world_answer *join = fake_world_join(world, 3, world_port(0));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0);
    settle(world);
    assert_int_equal(ask_plainly(world, 3, CHANGE_LEAVE, NULL)->code, 0);
    settle(world);
    struct message_change replace = replacement("node1", 3);
    assert_int_equal(ask(world, 0, &replace)->code, 0);
    settle(world);
    assert_int_equal(state_of(world, 1), NODE_LEFT);
    assert_int_equal(state_of(world, 3), NODE_UP);
    assert_int_equal(world_members(world, 0), 3);
}

static void a_staged_replacement_waits_for_commit(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    start(world, 3);
    struct message_change replace = replacement("node2", 3);
    replace.stage = true;
    struct world_answer *answer = ask(world, 0, &replace);
    assert_int_equal(answer->code, 0);
    assert_false(answer->plan.committed);
    settle(world);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(view_staged(view_of(world, 0)), 2);
    assert_int_equal(state_of(world, 2), NODE_UP);
    assert_int_equal(ask_plainly(world, 1, CHANGE_COMMIT, NULL)->code, 0);
    settle(world);
    assert_int_equal(state_of(world, 2), NODE_LEFT);
    assert_int_equal(state_of(world, 3), NODE_UP);
}

static void a_newcomer_that_is_staged_already_is_not_told_again(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    start(world, 3);
    struct world_answer *join = fake_world_join_staged(world, 3, world_port(1));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0);
    uint32_t contacts = world->contacts;
    struct message_change replace = replacement("node2", 3);
    assert_int_equal(ask(world, 0, &replace)->code, 0);
    assert_int_equal(world->contacts, contacts);
    settle(world);
    assert_int_equal(state_of(world, 2), NODE_LEFT);
    assert_int_equal(state_of(world, 3), NODE_UP);
    assert_int_equal(world_members(world, 0), 3);
}

static void a_replace_that_is_refused_in_the_end_takes_the_newcomer_back(void **state)
{
    struct fake_world *world = *state;
    grow(world, 4);
    fake_world_kill(world, 3);
    settle(world);
    start(world, 4);
    struct message_change replace = replacement("node3", 4);
    struct message_change removal = about(CHANGE_REMOVE, "node2");
    removal.force = true; /* then node3 can't be removed as well */
    struct world_answer *answer = fake_world_change(world, 0, 0, &replace);
    struct world_answer *removed = fake_world_change(world, 0, 0, &removal);
    fake_world_run(world, 4000 * MS);
    assert_int_equal(removed->code, 0);
    assert_int_equal(answer->code, SHOAL_EQUORUM);
    assert_non_null(strstr(answer->text, "taken back"));
    fake_world_run(world, 4000 * MS);
    assert_int_equal(view_staged(view_of(world, 0)), 0);
    assert_int_equal(world_members(world, 0), 3);
    assert_int_equal(state_of(world, 4), NODE_LEFT);
}

static void a_node_that_stops_takes_a_replace_back(void **state)
{
    struct fake_world *world = *state;
    grow(world, 3);
    start(world, 3);
    fake_world_cut(world, 3, true);
    struct message_change replace = replacement("node2", 3);
    struct world_answer *answer = fake_world_change(world, 0, 0, &replace);
    fake_world_run(world, 100 * MS);
    assert_false(answer->done);
    fake_world_stop(world, 0);
    assert_true(answer->done);
    assert_true(answer->code < 0);
    assert_int_equal(world_members(world, 1), 3);
}

static void without_memory_a_change_ends_and_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    for (uint64_t nth = 0; nth < 120; nth++) {
        static struct fake_world world;
        fake_world_init(&world, 1, 1, 1);
        grow(&world, 3);
        mem_fail_from(nth);
        struct message_change leave = about(CHANGE_LEAVE, "node2");
        struct world_answer *answer = fake_world_change(&world, 0, 0, &leave);
        fake_world_run(&world, 20 * MS);
        mem_fail_never();
        settle(&world);
        assert_true(answer->done);
        uint32_t members = world_members(&world, 0);
        assert_int_equal(world_members(&world, 1), members);
        assert_true(members == 2 || (answer->code != 0 && answer->code != SHOAL_EUNKNOWN));
        fake_world_deinit(&world);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_node_that_leaves_is_told_what_moves),
        TEST(leaving_again_changes_nothing),
        TEST(a_node_can_be_sent_away_by_another),
        TEST(the_last_member_can_not_leave),
        TEST(fewer_members_than_w_only_by_force),
        TEST(fewer_members_than_n_is_said),
        TEST(a_node_that_has_left_stays_so_over_a_restart_and_passes_requests_on),
        TEST(a_node_that_has_left_joins_again_under_its_id),
        TEST(a_node_that_leaves_can_not_join_before_it_has_left),
        TEST(a_dead_node_is_removed_for_good),
        TEST(a_removal_that_may_lose_writes_wants_force),
        TEST(a_node_that_was_not_heard_yet_is_not_taken_for_dead),
        TEST(a_node_that_may_be_cut_off_is_told_so),
        TEST(a_removed_node_says_so_and_serves_nothing),
        TEST(a_node_that_was_removed_while_it_was_down_learns_it),
        TEST(two_removals_that_come_together_are_warned_of),
        TEST(where_only_a_dead_member_stays_a_new_one_frees_the_leavers),
        TEST(a_leaver_that_dies_is_removed_and_freezes_nothing),
        TEST(weight_and_zone_follow_the_operator),
        TEST(what_can_not_be_is_refused_by_name),
        TEST(staged_changes_wait_for_commit_and_survive_restarts),
        TEST(staged_changes_are_never_committed_by_themselves),
        TEST(a_staged_removal_counts_only_once_it_is_committed),
        TEST(a_change_goes_on_with_a_node_that_was_down_meanwhile),
        TEST(cancel_forgets_what_is_staged),
        TEST(a_staged_joiner_gets_its_share_by_commit),
        TEST(plan_tells_what_if_there_were_more_or_fewer),
        TEST(bytes_to_move_are_estimated),
        TEST(a_change_is_not_done_before_it_is_durable),
        TEST(a_change_that_can_not_be_kept_in_time_is_unknown),
        TEST(a_change_is_known_to_another_when_it_is_done),
        TEST(where_nobody_can_be_reached_being_durable_has_to_do),
        TEST(a_node_that_stops_answers_what_it_was_asked),
        TEST(any_worker_takes_a_change_and_answers_it),
        TEST(both_of_two_changes_on_two_sides_happen),
        TEST(of_two_that_leave_each_other_one_stays),
        TEST(over_the_bound_a_change_waits_and_is_made_later),
        TEST(a_member_is_replaced_in_one_layout),
        TEST(a_dead_member_is_replaced_for_good),
        TEST(a_replacement_that_does_not_answer_changes_nothing),
        TEST(a_node_that_has_left_may_replace_another),
        TEST(a_staged_replacement_waits_for_commit),
        TEST(a_newcomer_that_is_staged_already_is_not_told_again),
        TEST(a_replace_that_is_refused_in_the_end_takes_the_newcomer_back),
        TEST(a_node_that_stops_takes_a_replace_back),
        cmocka_unit_test(without_memory_a_change_ends_and_is_made_whole_or_not_at_all),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
