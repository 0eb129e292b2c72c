/* The oracle by itself: that it lets what is right pass and finds each kind of wrong. */
#include "sim_oracle.h"

#include "shoal/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define A UINT64_C(10)
#define B UINT64_C(20)

struct trial {
    struct sim_verdict verdict;
    struct sim_oracle *oracle;
};

static const struct bytes key = {.data = (const uint8_t *)"key", .len = 3};

static void begin(struct trial *trial)
{
    *trial = (struct trial){0};
    trial->oracle = malloc(sizeof(*trial->oracle));
    assert_non_null(trial->oracle);
    sim_oracle_init(trial->oracle, &trial->verdict, 8, 3, 2, 2);
}

static void end(struct trial *trial)
{
    sim_oracle_deinit(trial->oracle);
    free(trial->oracle);
}

static void end_broken(struct trial *trial, enum sim_invariant invariant)
{
    assert_true(trial->verdict.broken);
    assert_int_equal(trial->verdict.invariant, invariant);
    end(trial);
}

static struct version_vector vector(const struct dot *dots, uint32_t count)
{
    return (struct version_vector){.entries = dots, .count = count};
}

static struct sibling value(uint64_t actor, uint64_t counter, const char *text)
{
    return (struct sibling){.dot = {actor, counter}, .value = bytes_from_string(text)};
}

static struct sibling tombstone(uint64_t actor, uint64_t counter)
{
    return (struct sibling){.dot = {actor, counter}, .kind = SIBLING_TOMBSTONE};
}

/* What node 0 holds from now on. */
static void hold(struct trial *trial, const struct dot *context, uint32_t entries,
                 const struct sibling *siblings, uint32_t count)
{
    struct object object = {
        .context = vector(context, entries), .siblings = siblings, .sibling_count = count};
    sim_oracle_holding(trial->oracle, 0, key, &object);
}

static uint32_t begin_put(struct trial *trial, const char *text, bool has_context)
{
    return sim_oracle_write_begin(trial->oracle, key, bytes_from_string(text), has_context, false,
                                  false);
}

static void acknowledge(struct trial *trial, uint32_t write)
{
    struct sim_reply reply = {.owners = 2, .needed = 2};
    sim_oracle_write_end(trial->oracle, write, &reply);
}

/* A put of (A,1), held by node 0 and acknowledged. */
static void put_first(struct trial *trial)
{
    uint32_t write = begin_put(trial, "first", false);
    sim_oracle_issued(trial->oracle, key, (struct dot){A, 1}, vector(NULL, 0));
    struct sibling held = value(A, 1, "first");
    hold(trial, (const struct dot[]){{A, 1}}, 1, &held, 1);
    acknowledge(trial, write);
    assert_false(trial->verdict.broken);
}

static void read_shows(struct trial *trial, const struct dot *context, uint32_t entries,
                       const char *text, uint32_t needed)
{
    struct sim_read read;
    struct bytes shown = text == NULL ? (struct bytes){0} : bytes_from_string(text);
    struct sim_reply reply = {.code = text == NULL ? SHOAL_ENOTFOUND : 0,
                              .has_context = entries > 0,
                              .context = vector(context, entries),
                              .values = &shown,
                              .value_count = text == NULL ? 0 : 1,
                              .owners = needed,
                              .needed = needed};
    sim_oracle_read_begin(trial->oracle, key, &read);
    sim_oracle_read_end(trial->oracle, &read, &reply);
}

/* ---- what is right ---- */

static void a_put_its_overwrite_and_a_delete_pass(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    read_shows(&trial, (const struct dot[]){{A, 1}}, 1, "first", 2);

    uint32_t write = begin_put(&trial, "second", true);
    sim_oracle_issued(trial.oracle, key, (struct dot){B, 1},
                      vector((const struct dot[]){{A, 1}}, 1));
    struct sibling second = value(B, 1, "second");
    hold(&trial, (const struct dot[]){{A, 1}, {B, 1}}, 2, &second, 1);
    acknowledge(&trial, write);
    read_shows(&trial, (const struct dot[]){{A, 1}, {B, 1}}, 2, "second", 2);

    uint32_t erase =
        sim_oracle_write_begin(trial.oracle, key, (struct bytes){0}, false, false, false);
    sim_oracle_issued(trial.oracle, key, (struct dot){B, 2},
                      vector((const struct dot[]){{A, 1}, {B, 1}}, 2));
    struct sibling gone = tombstone(B, 2);
    hold(&trial, (const struct dot[]){{A, 1}, {B, 2}}, 2, &gone, 1);
    acknowledge(&trial, erase);
    read_shows(&trial, (const struct dot[]){{A, 1}, {B, 2}}, 2, NULL, 2);
    assert_false(trial.verdict.broken);
    end(&trial);
}

static void a_read_from_too_few_owners_may_be_stale(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    read_shows(&trial, NULL, 0, NULL, 1);
    assert_false(trial.verdict.broken);
    end(&trial);
}

/* ---- what is wrong ---- */

static void a_strict_read_that_misses_an_acknowledged_write_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    read_shows(&trial, NULL, 0, NULL, 2);
    end_broken(&trial, SIM_ACKED);
}

static void a_value_that_nobody_wrote_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    read_shows(&trial, (const struct dot[]){{A, 1}}, 1, "phantom", 2);
    end_broken(&trial, SIM_ACKED);
}

static void a_deleted_value_that_returns_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    uint32_t erase =
        sim_oracle_write_begin(trial.oracle, key, (struct bytes){0}, true, false, false);
    sim_oracle_issued(trial.oracle, key, (struct dot){B, 1},
                      vector((const struct dot[]){{A, 1}}, 1));
    struct sibling gone = tombstone(B, 1);
    hold(&trial, (const struct dot[]){{A, 1}, {B, 1}}, 2, &gone, 1);
    acknowledge(&trial, erase);
    read_shows(&trial, (const struct dot[]){{A, 1}, {B, 1}}, 2, "first", 1);
    end_broken(&trial, SIM_DELETED);
}

static void a_dot_issued_twice_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    sim_oracle_issued(trial.oracle, key, (struct dot){A, 1}, vector(NULL, 0));
    end_broken(&trial, SIM_CONTEXTS);
}

static void a_context_that_regresses_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    hold(&trial, NULL, 0, NULL, 0);
    end_broken(&trial, SIM_CONTEXTS);
}

static void a_holding_that_lawfully_began_anew_may_be_empty(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    sim_oracle_forget(trial.oracle, 0);
    hold(&trial, NULL, 0, NULL, 0);
    assert_false(trial.verdict.broken);
    end(&trial);
}

static void a_context_that_covers_what_it_has_not_seen_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    /* (A,2) is issued beside (A,1) by one who had seen nothing; the range swallows (A,1). */
    (void)begin_put(&trial, "second", true);
    sim_oracle_issued(trial.oracle, key, (struct dot){A, 2}, vector(NULL, 0));
    sim_oracle_forget(trial.oracle, 0);
    struct sibling second = value(A, 2, "second");
    hold(&trial, (const struct dot[]){{A, 2}}, 1, &second, 1);
    end_broken(&trial, SIM_CONTEXTS);
}

static void a_sibling_that_vanishes_from_a_holding_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    (void)begin_put(&trial, "beside", true);
    sim_oracle_issued(trial.oracle, key, (struct dot){B, 1}, vector(NULL, 0));
    struct sibling beside = value(B, 1, "beside");
    hold(&trial, (const struct dot[]){{A, 1}, {B, 1}}, 2, &beside, 1);
    end_broken(&trial, SIM_SIBLINGS);
}

static void a_token_that_covers_what_its_writer_did_not_see_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    uint32_t write = begin_put(&trial, "beside", true);
    sim_oracle_issued(trial.oracle, key, (struct dot){A, 2}, vector(NULL, 0));
    struct sibling both[] = {value(A, 1, "first"), value(A, 2, "beside")};
    hold(&trial, (const struct dot[]){{A, 2}}, 1, both, 2);
    struct dot covers[] = {{A, 2}};
    struct sim_reply reply = {
        .has_context = true, .context = vector(covers, 1), .owners = 2, .needed = 2};
    sim_oracle_write_end(trial.oracle, write, &reply);
    end_broken(&trial, SIM_CONTEXTS);
}

static void a_blind_write_that_overlooks_an_acknowledged_one_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    uint32_t write = begin_put(&trial, "blind", false);
    sim_oracle_issued(trial.oracle, key, (struct dot){B, 1}, vector(NULL, 0));
    struct sibling both[] = {value(A, 1, "first"), value(B, 1, "blind")};
    hold(&trial, (const struct dot[]){{A, 1}, {B, 1}}, 2, both, 2);
    assert_false(trial.verdict.broken); /* it may yet be made again */
    acknowledge(&trial, write);
    end_broken(&trial, SIM_ACKED);
}

static void a_blind_write_is_made_again_on_top_of_itself_and_of_what_it_had_missed(void **state)
{
    (void)state;
    for (uint32_t on_top = 0; on_top < 2; on_top++) {
        static const struct dot seen[] = {{A, 1}, {B, 1}};
        struct trial trial;
        begin(&trial);
        put_first(&trial);
        uint32_t write = begin_put(&trial, "blind", false);
        sim_oracle_issued(trial.oracle, key, (struct dot){B, 1}, vector(NULL, 0));
        struct sibling both[] = {value(A, 1, "first"), value(B, 1, "blind")};
        hold(&trial, seen, 2, both, 2);
        sim_oracle_issued(trial.oracle, key, (struct dot){B, 2},
                          on_top != 0 ? vector(seen, 2) : vector(NULL, 0));
        struct sibling again[] = {value(A, 1, "first"), value(B, 1, "blind"), value(B, 2, "blind")};
        hold(&trial, (const struct dot[]){{A, 1}, {B, 2}}, 2, on_top != 0 ? &again[2] : again,
             on_top != 0 ? 1 : 3);
        if (on_top == 0) {
            end_broken(&trial, SIM_CONTEXTS); /* carried out twice */
            continue;
        }
        acknowledge(&trial, write);
        assert_false(trial.verdict.broken);
        end(&trial);
    }
}

static void nothing_applied_that_was_applied_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    uint32_t write = begin_put(&trial, "first", false);
    sim_oracle_issued(trial.oracle, key, (struct dot){A, 1}, vector(NULL, 0));
    struct sibling held = value(A, 1, "first");
    hold(&trial, (const struct dot[]){{A, 1}}, 1, &held, 1);
    struct sim_reply reply = {.code = SHOAL_EQUORUM};
    sim_oracle_write_end(trial.oracle, write, &reply);
    end_broken(&trial, SIM_OUTCOME);
}

/* A first put that is settled, and a second that stands in the holding and may be lost. */
static void hold_settled_and_more(struct trial *trial)
{
    put_first(trial);
    uint32_t at = sim_history_key(&trial->oracle->history, key);
    sim_oracle_settled(trial->oracle, 0, at);
    (void)begin_put(trial, "second", true);
    sim_oracle_issued(trial->oracle, key, (struct dot){B, 1},
                      vector((const struct dot[]){{A, 1}}, 1));
    struct sibling second = value(B, 1, "second");
    hold(trial, (const struct dot[]){{A, 1}, {B, 1}}, 2, &second, 1);
    sim_oracle_crash(trial->oracle, 0);
}

static void a_crash_may_take_back_what_was_not_settled(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    hold_settled_and_more(&trial);
    struct sibling first = value(A, 1, "first");
    hold(&trial, (const struct dot[]){{A, 1}}, 1, &first, 1);
    assert_false(trial.verdict.broken);
    end(&trial);
}

static void a_crash_that_takes_back_what_was_settled_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    hold_settled_and_more(&trial);
    hold(&trial, NULL, 0, NULL, 0);
    end_broken(&trial, SIM_CONTEXTS);
}

static void a_node_that_has_forgotten_is_not_bound_by_what_was_settled(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    hold_settled_and_more(&trial);
    sim_oracle_forget(trial.oracle, 0);
    hold(&trial, NULL, 0, NULL, 0);
    assert_false(trial.verdict.broken);
    end(&trial);
}

static void an_acknowledgement_by_too_few_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    uint32_t write = begin_put(&trial, "first", false);
    sim_oracle_issued(trial.oracle, key, (struct dot){A, 1}, vector(NULL, 0));
    struct sim_reply reply = {.owners = 1, .needed = 2};
    sim_oracle_write_end(trial.oracle, write, &reply);
    end_broken(&trial, SIM_OUTCOME);
}

static void a_weak_write_is_excused_once_a_disk_is_lost(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    uint32_t write = begin_put(&trial, "weak", false);
    sim_oracle_issued(trial.oracle, key, (struct dot){A, 1}, vector(NULL, 0));
    struct sibling held = value(A, 1, "weak");
    hold(&trial, (const struct dot[]){{A, 1}}, 1, &held, 1);
    struct sim_reply reply = {.owners = 1, .needed = 1};
    sim_oracle_write_end(trial.oracle, write, &reply);
    sim_oracle_loss(trial.oracle);
    read_shows(&trial, NULL, 0, NULL, 3);
    assert_false(trial.verdict.broken);
    end(&trial);
}

static void a_weak_write_binds_a_read_of_all_while_nothing_is_lost(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    uint32_t write = begin_put(&trial, "weak", false);
    sim_oracle_issued(trial.oracle, key, (struct dot){A, 1}, vector(NULL, 0));
    struct sibling held = value(A, 1, "weak");
    hold(&trial, (const struct dot[]){{A, 1}}, 1, &held, 1);
    struct sim_reply reply = {.owners = 1, .needed = 1};
    sim_oracle_write_end(trial.oracle, write, &reply);
    read_shows(&trial, NULL, 0, NULL, 3);
    end_broken(&trial, SIM_ACKED);
}

/* ---- what is owed while owners change ---- */

/* So many of three owners hold the first put, so many may have lost it. */
static void owners_hold(struct trial *trial, uint32_t holding, uint32_t empty, uint32_t lost)
{
    const struct sim_key *at = &trial->oracle->history.keys[0];
    const struct dot first = {A, 1};
    const struct object whole = {.context = vector(&first, 1)};
    const struct object nothing = object_empty();
    struct sim_obliged obliged = {.lost = lost};
    for (uint32_t i = 0; i < holding + empty; i++) {
        sim_oracle_accounts(at, i < holding ? &whole : &nothing,
                            &obliged.accounts[obliged.count++]);
    }
    sim_oracle_obliged(trial->oracle, 0, &obliged);
}

static void a_write_held_by_w_owners_or_by_all_that_have_lost_nothing_passes(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    owners_hold(&trial, 2, 1, 0);
    owners_hold(&trial, 1, 1, 1);
    assert_false(trial.verdict.broken);
    end(&trial);
}

static void a_write_held_by_fewer_owners_than_owe_it_is_found(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    owners_hold(&trial, 1, 2, 0);
    end_broken(&trial, SIM_OBLIGED);
}

static void a_write_that_was_declared_as_lost_is_owed_by_nobody(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    sim_oracle_excuse(trial.oracle, 0);
    owners_hold(&trial, 0, 3, 0);
    read_shows(&trial, NULL, 0, NULL, 2);
    assert_false(trial.verdict.broken);
    end(&trial);
}

static void what_removed_nodes_alone_have_answered_binds_nobody(void **state)
{
    (void)state;
    struct trial trial;
    begin(&trial);
    put_first(&trial);
    trial.oracle->ghosts = 2;
    read_shows(&trial, NULL, 0, NULL, 2);
    assert_false(trial.verdict.broken);
    trial.oracle->ghosts = 1;
    read_shows(&trial, NULL, 0, NULL, 2);
    end_broken(&trial, SIM_ACKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_its_overwrite_and_a_delete_pass),
        cmocka_unit_test(a_read_from_too_few_owners_may_be_stale),
        cmocka_unit_test(a_strict_read_that_misses_an_acknowledged_write_is_found),
        cmocka_unit_test(a_value_that_nobody_wrote_is_found),
        cmocka_unit_test(a_deleted_value_that_returns_is_found),
        cmocka_unit_test(a_dot_issued_twice_is_found),
        cmocka_unit_test(a_context_that_regresses_is_found),
        cmocka_unit_test(a_holding_that_lawfully_began_anew_may_be_empty),
        cmocka_unit_test(a_context_that_covers_what_it_has_not_seen_is_found),
        cmocka_unit_test(a_sibling_that_vanishes_from_a_holding_is_found),
        cmocka_unit_test(a_token_that_covers_what_its_writer_did_not_see_is_found),
        cmocka_unit_test(a_blind_write_that_overlooks_an_acknowledged_one_is_found),
        cmocka_unit_test(a_blind_write_is_made_again_on_top_of_itself_and_of_what_it_had_missed),
        cmocka_unit_test(nothing_applied_that_was_applied_is_found),
        cmocka_unit_test(a_crash_may_take_back_what_was_not_settled),
        cmocka_unit_test(a_crash_that_takes_back_what_was_settled_is_found),
        cmocka_unit_test(a_node_that_has_forgotten_is_not_bound_by_what_was_settled),
        cmocka_unit_test(an_acknowledgement_by_too_few_is_found),
        cmocka_unit_test(a_weak_write_is_excused_once_a_disk_is_lost),
        cmocka_unit_test(a_weak_write_binds_a_read_of_all_while_nothing_is_lost),
        cmocka_unit_test(a_write_held_by_w_owners_or_by_all_that_have_lost_nothing_passes),
        cmocka_unit_test(a_write_held_by_fewer_owners_than_owe_it_is_found),
        cmocka_unit_test(a_write_that_was_declared_as_lost_is_owed_by_nobody),
        cmocka_unit_test(what_removed_nodes_alone_have_answered_binds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
