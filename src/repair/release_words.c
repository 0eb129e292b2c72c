/* A list in the order of the placement. See release_words.h. */
#include "repair/release_words.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

void release_words_deinit(struct release_words *words)
{
    mem_free(words->all);
    *words = (struct release_words){0};
}

struct release_word *release_words_of(const struct release_words *words, uint64_t node)
{
    for (uint32_t i = 0; i < words->count; i++) {
        if (words->all[i].node == node) {
            return &words->all[i];
        }
    }
    return NULL;
}

int release_words_plan(struct release_words *words, const struct view *view, uint32_t partition)
{
    struct placement placement;
    if (words->digest == view->digest) {
        return 0;
    }
    int result = view_place(view, partition, &placement);
    if (result < 0) {
        return result;
    }
    struct release_word *all = mem_alloc_zeroed(placement.node_count, sizeof(*all));
    if (all == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < placement.node_count; i++) {
        uint64_t node = placement.nodes[i];
        const struct release_word *before = release_words_of(words, node);
        ASSERT(before == NULL || before->id == 0);
        bool asked = !MUTANT(release_early) || layout_owns(view_newest(view), node, partition);
        if (!view_removed(view, node) && asked) {
            all[count++] =
                (struct release_word){.node = node, .actor = before == NULL ? 0 : before->actor};
        }
    }
    mem_free(words->all);
    words->all = all;
    words->count = count;
    words->digest = view->digest;
    return 0;
}

void release_words_about(struct release_words *words, uint64_t actor)
{
    if (words->actor != actor) {
        words->actor = actor;
        for (uint32_t i = 0; i < words->count; i++) {
            words->all[i].actor = 0;
        }
    }
}

bool release_words_whole(const struct release_words *words)
{
    for (uint32_t i = 0; i < words->count; i++) {
        if (words->all[i].actor == 0) {
            return false;
        }
    }
    return words->count > 0;
}
