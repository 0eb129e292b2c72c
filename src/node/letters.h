/* The letters that workers of a node send each other. A letter that carries bytes is one
 * allocation, the bytes behind the struct; the receiver frees it. */
#ifndef NODE_LETTERS_H
#define NODE_LETTERS_H

#include "base/crypto.h"
#include "node/ports.h"
#include "node/snapshot.h"
#include "repair/compare.h"

enum letter_kind {
    LETTER_UNIT,           /* the unit itself: its keys are all yours */
    LETTER_UNIT_DONE,      /* the unit itself, on its way back with its outcome */
    LETTER_UNIT_OVER,      /* your work, whose unit is done: its memory is yours again */
    LETTER_UNIT_PART,      /* a step of your part of a unit that crosses workers */
    LETTER_UNIT_PART_DONE, /* the part on its way back */
    LETTER_REDO,           /* about what a run before has left half done */
    LETTER_REQUEST,        /* the request itself: execute it, its partition is yours */
    LETTER_DONE,           /* the request itself, on its way back with its outcome */
    LETTER_FRAME,          /* a peer's request frame for your partition */
    LETTER_REPLY,          /* an answer frame for a connection you serve */
    LETTER_SNAPSHOT,       /* from the steward: adopt it */
    LETTER_ADOPTED,        /* to the steward: all my requests know this epoch's view */
    LETTER_VIEW,           /* to the steward: a view that came with an answer */
    LETTER_SYNCED,         /* to the steward: all my partitions of this layout are synced */
    LETTER_TALLY,          /* to the steward: what I hold */
    LETTER_BACKUP,         /* have your engine copied into the folder */
    LETTER_BACKED,         /* the same letter on its way back, with the outcome */
    LETTER_VERIFY,         /* compare your share of the partitions */
    LETTER_VERIFIED,       /* the same letter on its way back, with what was found */
    LETTER_SUMS,           /* what do your holdings come to, compared with this node? */
    LETTER_SUMMED,         /* to worker 0: the answer */
    LETTER_ROUND,          /* begin a round of syncs with this node */
    LETTER_FEED_FOLLOW,    /* of the live feed, see feed_news.h: to the hub: follow it for me */
    LETTER_FEED_NEWS,      /* ... from the hub: what has come */
    LETTER_FEED_TAKEN,     /* ... to the hub: so much is done with */
    LETTER_FEED_WANTS,     /* ... from the hub: who wants lists and reads */
    LETTER_FEED_LOCAL,     /* ... lists and reads */
};

/* LETTER_FRAME and LETTER_REPLY. */
struct letter_frame {
    struct letter letter;
    struct source source;
    size_t len;
    uint8_t bytes[];
};

struct letter_snapshot {
    struct letter letter;
    struct snapshot *snapshot; /* a reference that goes over to the receiver */
};

struct letter_view {
    struct letter letter;
    uint64_t ticket;
    size_t len;
    uint8_t bytes[];
};

struct letter_synced {
    struct letter letter;
    struct content_hash target;
};

/* LETTER_ADOPTED and LETTER_TALLY: a worker's standing. */
struct worker_tally {
    uint64_t epoch; /* the snapshot it has adopted */
    uint64_t keys;
    uint64_t bytes;
    uint64_t hints;   /* owed to other nodes */
    uint32_t pending; /* partitions to be filled */
    uint32_t refilling;
    uint32_t storage;    /* enum node_storage */
    uint32_t releasing;  /* holdings that the newest layout has elsewhere, not let go yet */
    uint64_t sync_bytes; /* that syncs have brought here since the start */
    uint64_t memory;     /* bytes that the engine takes */
    uint64_t ops;        /* carried out for clients since the start */
};

struct letter_tally {
    struct letter letter;
    struct worker_tally tally;
};

struct letter_sums {
    struct letter letter;
    uint64_t node;
    uint64_t ticket;
};

struct letter_summed {
    struct letter letter;
    uint64_t ticket;
    struct comparison part;
};

struct letter_round {
    struct letter letter;
    uint64_t node;
    bool everything;
};

struct backup;

struct letter_backup {
    struct letter letter;
    struct backup *backup; /* of the worker it came from */
    uint32_t origin;       /* index of that worker */
    int code;
    char folder[]; /* an absolute path */
};

/* A source that stands for this node itself: the answer goes back to the worker as one. */
#define SOURCE_SELF UINT32_MAX

#endif
