/* Members that have come and gone unheard: whoever joined the cluster and left it, or was removed,
 * while a reader read nowhere, or while this node could not hear of it. What such a node did can't
 * be had any more, and nothing in a cursor's places tells of it. So a cursor also carries what was
 * known of the members when it was made (struct feed_known); of who is out since then and is in
 * none of its places the reader is told as removed. Operators on two sides of a partition may ask
 * at the same time: then stamps alone would pass one of them over, which is why those who are out
 * are counted, too. Where the count shows that, all who are out are told of: rather once too often
 * than never. */
#include "node/feed_work.h"

struct feed_known feed_known_of(const struct view *view)
{
    struct feed_known known = {.stamp = roles_stamp(&view->roles)};
    for (uint32_t i = 0; i < view->roles.count; i++) {
        known.gone += view->roles.items[i].kind != ROLE_IN;
    }
    return known;
}

/* Of those who are out now, from which stamp on are they news? */
static uint64_t gone_since(const struct view *view, const struct feed_known *known)
{
    uint64_t gone = 0;
    for (uint32_t i = 0; i < view->roles.count; i++) {
        const struct role *role = &view->roles.items[i];
        gone += role->kind != ROLE_IN && role->stamp <= known->stamp;
    }
    return gone == known->gone ? known->stamp + 1 : 0;
}

static bool gone_unheard(const struct feed_work *work, const struct role *role, uint64_t since)
{
    return role->kind != ROLE_IN && role->stamp >= since &&
           feed_peer_find(work, role->node) == NULL;
}

void feed_gone_review(struct feed_work *work)
{
    const struct view *view = work->worker->snapshot->view;
    if (view->digest == work->known_digest) {
        return;
    }
    uint64_t since = gone_since(view, &work->known);
    for (uint32_t i = 0; i < view->roles.count && !queue_empty(&work->synced); i++) {
        const struct role *role = &view->roles.items[i];
        if (gone_unheard(work, role, since) && feed_stream_find(work, role->node, 0) == NULL) {
            struct feed_event event = {.op = FEED_GAP,
                                       .reason = FEED_GAP_REMOVED,
                                       .time_ms = work->worker->now.wall_ms,
                                       .node = role->node};
            feed_tell_synced(work, &event, NULL, NULL);
        }
    }
    work->known = feed_known_of(view);
    work->known_digest = view->digest;
    feed_walk_review(work);
}

int feed_gone_merge(struct feed_walk *walk)
{
    const struct feed_work *work = walk->work;
    const struct view *view = work->worker->snapshot->view;
    uint64_t since = gone_since(view, &walk->at.known);
    int error = 0;
    for (uint32_t i = 0; i < view->roles.count && error == 0; i++) {
        const struct role *role = &view->roles.items[i];
        if (gone_unheard(work, role, since) && feed_cursor_lanes(&walk->at, role->node) == 0) {
            struct feed_place place = {.node = role->node}; /* its beginning: told as removed */
            error = feed_cursor_put(&walk->at, &place);
        }
    }
    walk->at.known = work->known;
    return error;
}
