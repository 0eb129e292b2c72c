/* One partition with actors that seem to have ended: how far their closing has come, apart from the
 * asking. Private to closing. */
#ifndef REPAIR_CLOSING_CASE_H
#define REPAIR_CLOSING_CASE_H

#include "base/queue.h"
#include "replica/holding.h"
#include "ring/view.h"

enum closing_stage { CLOSING_WAITING, CLOSING_ASKING, CLOSING_TELLING, CLOSING_SYNCING };

/* What a member has answered in this stage. */
struct closing_word {
    uint64_t confirmed; /* bit i: actors[i] */
    bool answered;
};

struct closing_case {
    struct queue link;
    uint32_t partition;
    enum closing_stage stage;
    uint64_t holding_actor; /* of the holding that this is for */
    uint64_t id;            /* of the stage's questions */
    uint64_t next_us;       /* not to be looked at before */
    uint64_t pause_us;      /* until the stage's questions are repeated; doubles */
    uint64_t denied_us;     /* how long to wait when somebody says that all are his; doubles */
    uint64_t since_us;      /* SYNCING: when the last word came */
    uint64_t wanted;        /* SYNCING, of owners: bit i: a sync is under way ... */
    uint64_t synced;        /* ... bit i: one is complete */
    uint64_t actors[LIMIT_ENDED_ACTORS];
    uint32_t count;
    uint32_t word_count;
    struct closing_word words[]; /* of closing's members, in their order */
};

/* The actors of a holding that may have ended: open in its clock, or told of by the context of a
 * tombstone that can't be dropped; not its own, and not what any other owner has told to be its
 * current one. None while some owner has told nothing yet. Returns how many. */
uint32_t closing_candidates(const struct holding *holding, uint64_t out[LIMIT_ENDED_ACTORS]);

/* For so many members. NULL without memory. */
struct closing_case *closing_case_new(uint32_t partition, uint32_t word_count);

/* Begins a stage, with nobody's word. */
void closing_case_begin(struct closing_case *entry, enum closing_stage stage, uint64_t id);

/* Takes a member's word. What was confirmed in a stage remains so: an end has no end. */
void closing_case_word(struct closing_case *entry, uint32_t member, uint64_t confirmed);

/* Has everybody answered? */
bool closing_case_heard(const struct closing_case *entry);

/* Has this member nothing more to say? */
bool closing_case_told(const struct closing_case *entry, uint32_t member);

/* A bit for each actor that everybody has confirmed. */
uint64_t closing_case_agreed(const struct closing_case *entry);

/* A bit for each actor. */
uint64_t closing_case_all(const struct closing_case *entry);

/* Has the holding seen all that it has heard of the actors? (For the mutant close_by_report.) */
bool closing_case_whole(const struct closing_case *entry, const struct holding *holding);

/* Goes on with these actors only. */
void closing_case_narrow(struct closing_case *entry, uint64_t actors);

#endif
