/* A list under way: which partitions are being walked, by whose pages, and what they have come to
 * so far. Only list.c and list_slot.c look inside. */
#ifndef COORDINATE_LIST_H
#define COORDINATE_LIST_H

#include "coordinate/coordinator.h"
#include "coordinate/list_answer.h"
#include "coordinate/list_cursor.h"

struct list_slot {
    uint64_t id; /* of its scans; 0 while unused */
    uint32_t partition;
    uint64_t position; /* from where on */
    struct placement placement;
    uint64_t begun_us;
    uint64_t asked;
    uint64_t voted;
    uint64_t refused;                           /* since all were last asked */
    struct buffer pages[LIMIT_REQUEST_TARGETS]; /* payloads of the answers, by target */
};

/* Nodes that kept silent or refused, and have not answered since: asked last. Those for whom there
 * is no room are asked as any other. */
struct list_doubts {
    uint64_t nodes[LIMIT_REQUEST_TARGETS];
    uint32_t count;
};

struct listing {
    struct list_slot slots[LIST_WINDOW_MAX]; /* partition p lives in slot p mod LIST_WINDOW_MAX */
    uint32_t partition;                      /* the next one to take from */
    uint32_t begun;                          /* the next one to begin */
    uint32_t partitions;
    uint32_t window; /* so many are walked at once */
    struct list_doubts doubts;
    struct list_answer answer;
    uint8_t cursor[LIST_CURSOR_BYTES];
};

/* Begins (again) to walk a partition from a position, by asking as many owners as it takes. 0 or a
 * negative code. */
int list_slot_begin(struct operation *operation, struct list_slot *slot, uint32_t partition,
                    uint64_t position);
/* What it holds of answers is let go. */
void list_slot_close(struct operation *operation, struct list_slot *slot);

/* Asks those anew that have not answered, all that there are. */
void list_slot_ask_all(struct operation *operation, struct list_slot *slot);
/* The owner refuses to answer: another is asked. */
void list_slot_on_refusal(struct operation *operation, struct list_slot *slot, uint32_t target);
/* The owner's answer is in. */
void list_slot_on_page(struct operation *operation, struct list_slot *slot, uint32_t target);

/* Have enough owners answered; can enough be reached, as links are now? */
bool list_slot_complete(const struct operation *operation, const struct list_slot *slot);
bool list_slot_possible(const struct operation *operation, const struct list_slot *slot);

/* One of them has confirmed any given write: so many owners' pages make a partition's. */
uint32_t list_coverage(const struct operation *operation);

#endif
