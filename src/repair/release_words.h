/* Who has confirmed one partition that is let go of: a word for each owner of the view. Apart from
 * asking for it (release.c). */
#ifndef REPAIR_RELEASE_WORDS_H
#define REPAIR_RELEASE_WORDS_H

#include "ring/view.h"

/* What one owner has said. */
struct release_word {
    uint64_t node;
    uint64_t actor; /* of the holding that has confirmed; 0: none has */
    uint64_t id;    /* of the question under way; 0: none */
};

struct release_words {
    struct release_word *all;
    uint32_t count;
    uint64_t digest; /* of the view whose owners they are; 0: none yet */
    uint64_t actor;  /* of the holding here, whose data is confirmed; 0: not looked at yet */
};

void release_words_deinit(struct release_words *words);

/* One for each owner in the view's live layouts, less those removed by force, keeping what was
 * confirmed under another view. While no question is under way. 0, SHOAL_EOVERLOAD (there are too
 * many owners), SHOAL_ENOMEM. */
int release_words_plan(struct release_words *words, const struct view *view, uint32_t partition);

/* The holding here is of this actor: what was confirmed of another one counts no more. */
void release_words_about(struct release_words *words, uint64_t actor);

/* Has everybody confirmed? Where every owner was removed by force there is nobody to let go to. */
bool release_words_whole(const struct release_words *words);

/* NULL: no owner. */
struct release_word *release_words_of(const struct release_words *words, uint64_t node);

#endif
