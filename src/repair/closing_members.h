/* Whose word is asked before an actor is closed: the members that the view counts, and those who
 * have left and may still have something, a holding to be let go or hints. What these hold of an
 * actor would come to owners that know it to be gone, and what it replaced would go with it. That
 * all who could say "it is mine" are among them rests on this: no store is taken from a node that
 * the receiver's view doesn't know (node/serve.c, mutant store_of_stranger). */
#ifndef REPAIR_CLOSING_MEMBERS_H
#define REPAIR_CLOSING_MEMBERS_H

#include "ring/view.h"

struct closing_members {
    uint64_t *nodes;
    uint32_t count; /* 0: none are known */
};

void closing_members_deinit(struct closing_members *members);

/* 0: they are the same as before; 1: others; SHOAL_ENOMEM: now none are known. */
int closing_members_set(struct closing_members *members, const struct view *view,
                        const uint64_t *leavers, uint32_t leaver_count);

/* -1: it is none. */
int closing_members_find(const struct closing_members *members, uint64_t node);

#endif
