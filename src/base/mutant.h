/* Rules broken on purpose. A check that can't fail proves nothing, so each rule that protects data
 * has a switch beside it that turns the wrong variant on, and scripts/mutants shows which test
 * notices, and how fast:
 *
 *      if (partition_clock_seen(...) && !MUTANT(accept_covered)) ...
 *
 * Only a build configured with -Dmutants=true has the switches, one of which is on at a time, for
 * the whole process. Everywhere else MUTANT() is the constant false and leaves no trace in the
 * code. After "mutation testing", with the mutants chosen by hand: random changes of operators find
 * untested lines, these find untested rules. */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H

#include <stdbool.h>

/* Every mutant there is, and what it does wrong. In C the names are as here, everywhere else they
 * may be written with hyphens. */
#define MUTANT_TABLE(X)                                                                            \
    X(keep_actor, "a holding that forgot goes on with its old actor and counter")                  \
    X(context_clock, "an object's context is joined into the partition clock")                     \
    X(drop_on_dot, "a tombstone goes once its dot is covered, whatever its context")               \
    X(drop_alone, "a tombstone goes once this holding's own clock covers it")                      \
    X(drop_on_report, "what is not on stable storage yet is told to others as seen")               \
    X(count_refilling, "holdings that are refilling have a say in reads")                          \
    X(no_clock, "read answers carry no clock")                                                     \
    X(accept_covered, "dots that the clock has seen are stored again")                             \
    X(fallback_dots, "a fallback coordinates, and forgets its counter with its hints")             \
    X(early_join, "a sync joins the peer's clock before the data came")                            \
    X(late_clock, "a sync takes the peer's clock at its end instead of its beginning")             \
    X(keep_gone, "a sync keeps a sibling that the peer knows to be gone")                          \
    X(no_recheck, "a sync's join ignores what was stored here since the comparison")               \
    X(source_any_actor, "a sync's source answers for a holding that began after the sync")         \
    X(fill_unsettled, "a fill counts before what it brought is as durable as a write")             \
    X(refill_by_refilling, "a sync from a holding that is itself refilling completes one")         \
    X(blind_delete, "a write without context replaces what its coordinator happens to hold")       \
    X(deaf_delete, "a write without context ignores what confirmations say is concurrent")         \
    X(keep_clock, "a holding that lost data keeps the dots of it in its clock")                    \
    X(raise_base, "a clock over its bounds raises its bases over the gaps")                        \
    X(close_no_sync, "an actor is closed at a holding that has not synced since its end")          \
    X(close_early_sync, "an actor is closed with syncs begun before its end was confirmed")        \
    X(close_no_hints, "an actor is closed while hints hold its dots")                              \
    X(close_by_report, "an actor is closed once dots reported at various times are covered")       \
    X(hear_ended, "frames of an ended actor are taken after its end was confirmed")                \
    X(hint_one_owner, "a hint goes once any one owner has confirmed it")                           \
    X(hint_any_actor, "a hint's confirmation outlives the holding that gave it")                   \
    X(hint_counts_owner, "a fallback's confirmation counts as an owner's")                         \
    X(expire_early, "a value is hidden at its expiry by this node's clock, whatever its skew")     \
    X(expire_all, "the tombstone of an expired sibling replaces all the others too")               \
    X(trust_gossip, "an owner of whom others tell that it lives counts as reachable")              \
    X(forget_marker, "compaction forgets a removal while what it hides is still in a segment")     \
    X(sync_one_owner, "a layout is synced with one owner of each older one")                       \
    X(sync_unseen, "syncs for a layout count before all have seen it")                             \
    X(sync_marked_early, "a layout is marked synced whether or not it was")                        \
    X(seen_in_flight, "a layout is marked seen while requests in flight don't know it")            \
    X(marks_by_version, "marks speak of a version, not of one layout")                             \
    X(count_newest, "marks are asked of the newest layout's members only")                         \
    X(drop_early, "older layouts go once one node knows that all have synced")                     \
    X(floor_forgotten, "what has gone comes back by a join")                                       \
    X(loser_goes, "a layout that lost against another goes at once")                               \
    X(loser_cleared, "a join keeps only the changes that the winning layout knows")                \
    X(staged_commits, "a commit takes what others have staged")                                    \
    X(read_newest, "reads go by the newest layout, synced or not")                                 \
    X(write_newest, "a write needs its quorum in the newest layout only")                          \
    X(excuse_lowers, "each removed owner lowers a quorum by one")                                  \
    X(removal_by_layout, "only the newest layout's word says who is removed")                      \
    X(view_unchecked, "a quorum is judged by the view that the request began with")                \
    X(view_forgotten, "a view is acted on and told before it is durable")                          \
    X(vote_outlives,                                                                               \
      "an owner's confirmation of a write in flight outlives its link, and process")               \
    X(write_outlives, "a write goes on being confirmed after its dot's holding has ended")         \
    X(shard_alone, "an addition keeps its own actor's shard of a counter and no other")            \
    X(redo_add, "an addition is passed to another coordinator when the first keeps silent")        \
    X(shard_larger, "of two copies of a counter's shard the larger sum counts")                    \
    X(counter_epochs, "counters of different epochs are joined")                                   \
    X(fallback_storm, "fallbacks are asked again with every answer that comes")                    \
    X(serve_unowned, "who no longer owns a partition still answers for it")                        \
    X(release_early, "an old owner lets go while its layout is still live")                        \
    X(release_stale, "what was confirmed before a node owned a partition again still counts")      \
    X(release_unasked, "an old owner lets go before anybody has taken what it holds")              \
    X(release_unsettled, "what an old owner lets go of is confirmed before it is settled")         \
    X(release_fills, "a sync from an old owner that lets go completes a refill")                   \
    X(close_releasing, "an actor is closed while an old owner may have more of it")                \
    X(unit_unlocked, "a transaction doesn't wait for keys that others have locked")                \
    X(undecided, "a transaction over several workers is written before its decision is on record") \
    X(intent_early, "a transaction's intent goes before what it intends is written")               \
    X(store_of_stranger, "what is written by a node that this one doesn't know yet is stored")     \
    X(one_secret, "a token made with the cluster's previous secret is refused")                    \
    X(read_one_less, "a read is content with one answer less than R")                              \
    X(write_one_less, "a write is content with one confirmation less than W")                      \
    X(answers_alike, "answers of owners that differ are taken for the same")                       \
    X(confirm_early, "an owner or fallback confirms a store before its storage has it")            \
    X(vote_early, "a coordinator counts its own copy before its storage has it")                   \
    X(settled_early, "the log says that a batch is settled as its write begins")                   \
    X(sync_skipped, "the log writes a batch and doesn't sync it, and says that it did")            \
    X(sync_retried, "a sync that failed is tried again, and its success is believed")              \
    X(failed_goes_on, "the log goes on after a write or sync that failed")                         \
    X(full_accepted, "a batch that found no room on the disk counts as written")                   \
    X(durable_past_gap, "what is durable counts although something before it is not")              \
    X(clean_early, "a stop calls itself clean before all is durable")                              \
    X(scan_stops, "recovery cuts a segment at the first damage, whatever follows")                 \
    X(load_oldest, "of two records of a key the older one counts after a start")                   \
    X(record_unchecked, "records of the log are read without their checksum")                      \
    X(hint_file_trusted, "a segment's hint file is believed without its checksum")                 \
    X(loss_untold, "a start that finds damage doesn't say what may be lost by it")                 \
    X(cache_trusted,                                                                               \
      "recovery takes what it reads for durable, though only the cache may have it")               \
    X(copy_resumes, "a data folder that is a copy, or was put back, goes on as if it were not")    \
    X(compact_unsettled, "compaction removes a segment before the copies are durable")             \
    X(lsm_unsynced, "the lsm engine says that RocksDB's log is synced, and never syncs it")        \
    X(hint_unstored, "a fallback confirms a hint and doesn't store it")                            \
    X(hint_sent, "a hint goes once it has been sent, confirmed or not")                            \
    X(write_beside, "a write with a context leaves the siblings that it has seen")                 \
    X(context_lost, "merging objects forgets one side's context")                                  \
    X(token_unchecked, "a context is taken whoever made it, and for whatever key")                 \
    X(tree_not_added, "what is stored isn't added to the hash tree")                               \
    X(tree_not_removed, "what is removed stays in the hash tree")                                  \
    X(verify_blind, "a verification says of owners that differ that they are equal")               \
    X(list_past_page, "a listing tells keys of which not every owner's page has come")             \
    X(hlc_unbounded, "a peer's time is taken over however far ahead it is")                        \
    X(ahead_writes, "a node whose clock is ahead of the others' coordinates writes")               \
    X(crash_resumes, "a start after a crash goes on with the actor of the run before")             \
    X(damage_ignored, "a holding goes on as if nothing were lost when a record is found damaged")  \
    X(behind_trusted, "a start that may have lost its last writes takes what is left for all")     \
    X(lost_trusted, "a start takes a partition for whole that its storage says is not")            \
    X(token_range, "the context that answers a write covers what its client has not seen")         \
    X(digest_late, "a confirmation is of the view of when it is sent, not of when it was stored")  \
    X(source_unlearned, "a sync's source serves for a layout that it doesn't know")                \
    X(dw_settled, "a write that is to be on stable storage is content with less")                  \
    X(pw_fallbacks, "who stands in for owners makes up for owners that have to be owners")         \
    X(unknown_failed, "a write that may have been made is reported as not made")                   \
    X(vouch_few, "one owner vouches for a write without a context")                                \
    X(locked_anyway, "a write that had to wait comes in between a transaction and its keys")       \
    X(settle_skipped, "a transaction is answered with what it has read and a crash may take back") \
    X(prepared_early, "a transaction is decided on before all its parts are on stable storage")    \
    X(list_one_less, "a listing asks one owner less than it takes to see every write")             \
    X(fill_one_less, "a holding counts again with one owner heard less than it takes")             \
    X(fill_source_any, "a holding counts again by owners that reads don't go by yet")              \
    X(target_late, "a sync counts for a layout that not all had seen when it began")               \
    X(own_refilling, "a holding that is refilling counts itself for a layout's sync")              \
    X(torn_kept, "of a batch that was torn off by a crash the whole records count")                \
    X(write_uncertain, "a holding goes on as it was when a write of its own has failed")           \
    X(actor_unrecorded, "a holding gives dots before its actor is on record")                      \
    X(blind_uncovered, "what is stored is replaced unread by what has not seen it")                \
    X(clock_unstored, "dots count as seen though their siblings could not be stored")              \
    X(drop_newest_owners, "a tombstone goes by the word of the newest layout's owners")            \
    X(close_by_refilling, "an actor is closed by a sync from an owner that is refilling")          \
    X(answers_carried, "answers count for another layout than the one they were given for")        \
    X(removal_refused, "a removal by force waits while many layouts are live")                     \
    X(dead_clocks, "a node's clock is judged by the last word of the dead, too")                   \
    X(other_cluster, "a node of another cluster is let in")                                        \
    X(other_node, "whoever answers at a node's address is taken for that node")                    \
    X(gossip_older, "what a node said of itself before replaces what it says now")                 \
    X(retry_lost, "a client sends a write again whose outcome it doesn't know")                    \
    X(purge_early, "an expired value is deleted at its expiry by one node's clock")                \
    X(wrong_worker, "a request is carried out by the worker that it came to")                      \
    X(unlock_early, "a transaction over several workers unlocks its keys once it has read")        \
    X(redo_skipped, "a start leaves transactions half done that the run before began")             \
    X(watch_ignored, "EXEC is carried out though a watched key has changed")                       \
    X(exec_spoiled, "EXEC is carried out though a command before it was refused")                  \
    X(nx_ignored, "SET with NX replaces what is there")                                            \
    X(ttl_units, "seconds of an expiry in Redis's commands are taken for milliseconds")            \
    X(if_match_ignored, "a write is carried out whatever its If-Match says")                       \
    X(backup_unchecked, "a restored backup is believed without its checksums")                     \
    X(tail_unchecked, "events of a feed's tail are read without their checksum")                   \
    X(feed_untold, "what a tail no longer has is passed over without a gap")                       \
    X(feed_skipped, "a reader that comes with a cursor begins one event later")                    \
    X(feed_joins_early, "a reader comes into step while an event is still to be told")             \
    X(feed_refused, "an event that a reader had no room for counts as told")

#define MUTANT_ENUM(name, what) MUTANT_##name,
enum mutant { MUTANT_TABLE(MUTANT_ENUM) MUTANT_COUNT };
#undef MUTANT_ENUM

#ifdef SHOAL_MUTANTS

/* At the start the one named in the environment's SHOAL_MUTANT, or none; an unknown name ends the
 * process there with a list of the known ones. */
extern int mutant_selected;

#define MUTANT(name) (__builtin_expect(mutant_selected == MUTANT_##name, false))

/* Turns this one on, and every other off; NULL: none. 0, or SHOAL_EINVAL for an unknown name. */
int mutant_select(const char *name);

/* Its name, with hyphens, and what it does wrong; valid until the process ends. */
const char *mutant_name(enum mutant mutant);
const char *mutant_text(enum mutant mutant);

#else

#define MUTANT(name) ((void)MUTANT_##name, false)

#endif

#endif
