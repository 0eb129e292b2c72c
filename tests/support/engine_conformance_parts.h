/* The tests of the conformance suite that stand in files of their own. */
#ifndef SUPPORT_ENGINE_CONFORMANCE_PARTS_H
#define SUPPORT_ENGINE_CONFORMANCE_PARTS_H

#include "support/engine_trial.h"

/* engine_conformance_random.c */
void random_operations_agree_with_the_model(void **state);
void random_operations_on_crowded_positions_agree_with_the_model(void **state);
void random_operations_and_restarts_agree_with_the_model(void **state);
void over_the_memory_bound_a_put_is_refused_and_changes_nothing(void **state);
void memory_that_was_freed_serves_records_of_other_sizes(void **state);
void a_failed_allocation_changes_nothing(void **state);

/* engine_conformance_restart.c */
void an_engine_says_whether_it_keeps_data(void **state);
void nothing_is_settled_before_it_is_told(void **state);
void what_was_hardened_is_durable(void **state);
void what_is_settled_is_there_after_a_restart(void **state);
void what_was_removed_stays_gone_after_a_restart(void **state);
void what_was_dropped_stays_gone_after_a_restart(void **state);
void holdings_are_there_after_a_restart(void **state);
void only_after_an_orderly_end_may_holdings_go_on(void **state);
void what_a_kill_takes_are_the_last_writes(void **state);

/* engine_conformance_pending.c */
void many_reads_at_once_are_each_ready_once(void **state);
void what_is_written_while_a_read_waits_is_what_it_finds(void **state);
void a_walk_goes_on_while_entries_come_and_go(void **state);

/* engine_conformance_survey.c */
void a_survey_begins_at_any_position_and_ends_when_told(void **state);
void a_survey_tells_tombstones_and_what_expires(void **state);
void hints_are_kept_apart_from_data_and_counted_apart(void **state);
void a_holding_takes_the_memory_that_it_needs(void **state);

#endif
