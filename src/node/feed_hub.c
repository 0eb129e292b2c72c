/* The hub: for whom it follows the feed, which nodes, and whether they are heard. See feed_hub.h.
 */
#include "base/log.h"
#include "base/memory.h"
#include "node/feed_hub_inside.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

/* ---- telling ---- */

static bool hub_post(struct feed_hub *hub, uint32_t to, struct feed_news *news)
{
    struct letter_feed_news *letter = mem_alloc_zeroed(1, sizeof(*letter));
    if (letter == NULL) {
        return false;
    }
    letter->news = feed_news_ref(news);
    hub->followers[to].unread += news->bytes;
    worker_post(hub->worker, to, &letter->letter, LETTER_FEED_NEWS);
    return true;
}

/* Who has missed news learns everything anew. */
static void hub_begin(struct feed_hub *hub, uint32_t to);

void hub_tell(struct feed_hub *hub, struct feed_news *news)
{
    if (news != NULL) {
        news->time_ms = hub->worker->now.wall_ms;
    }
    for (uint32_t i = 0; i < hub->worker->count; i++) {
        struct hub_follower *follower = &hub->followers[i];
        if (follower->ticket != 0 &&
            (news == NULL || follower->behind || !hub_post(hub, i, news))) {
            hub_begin(hub, i);
        }
    }
    feed_news_unref(news);
}

static struct feed_news hub_news_of(const struct hub_lane *lane, uint32_t kind)
{
    return (struct feed_news){.kind = kind,
                              .node = lane->node->id,
                              .lane = lane->lane,
                              .lanes = lane->node->lane_count,
                              .tail = lane->tail,
                              .at = lane->at,
                              .next = lane->at};
}

void hub_tell_lane(struct hub_lane *lane, uint32_t kind, uint64_t missed)
{
    struct feed_news content = hub_news_of(lane, kind);
    content.missed = missed;
    hub_tell(lane->node->hub, feed_news_new(&content));
}

void hub_tell_node(const struct hub_node *node, uint32_t kind)
{
    struct feed_news content = {.kind = kind, .node = node->id, .lanes = node->lane_count};
    hub_tell(node->hub, feed_news_new(&content));
}

/* One that only `to` gets. */
static bool hub_show(struct feed_hub *hub, uint32_t to, const struct feed_news *content)
{
    struct feed_news *news = feed_news_new(content);
    if (news == NULL) {
        return false;
    }
    news->time_ms = hub->worker->now.wall_ms;
    bool posted = hub_post(hub, to, news);
    feed_news_unref(news);
    return posted;
}

static bool hub_show_node(struct feed_hub *hub, uint32_t to, const struct hub_node *node)
{
    struct feed_news content = {.node = node->id, .lanes = node->lane_count};
    for (uint32_t i = 0; i < node->lane_count; i++) {
        struct feed_news lane = hub_news_of(node->lanes[i], FEED_NEWS_LANE);
        if (!hub_show(hub, to, &lane)) {
            return false;
        }
    }
    content.kind = FEED_NEWS_LANES;
    if (node->told && !hub_show(hub, to, &content)) {
        return false;
    }
    content.kind = node->silent ? FEED_NEWS_SILENT : FEED_NEWS_AWAY;
    return (!node->away && !node->silent) || hub_show(hub, to, &content);
}

static void hub_begin(struct feed_hub *hub, uint32_t to)
{
    hub->followers[to].unread = 0; /* what it hasn't done with, it drops */
    struct feed_news content = {.kind = FEED_NEWS_BEGIN, .at = hub->followers[to].ticket};
    bool shown = hub_show(hub, to, &content);
    for (uint32_t i = 0; i < hub->node_count && shown; i++) {
        shown = hub_show_node(hub, to, hub->nodes[i]);
    }
    content.kind = FEED_NEWS_READY;
    if (shown && hub->ready) {
        shown = hub_show(hub, to, &content);
    }
    hub->followers[to].behind = !shown; /* the next news try again */
    if (!shown) {
        log_warning("feed: no memory to tell a worker of it");
    }
}

bool hub_full(const struct feed_hub *hub)
{
    for (uint32_t i = 0; i < hub->worker->count; i++) {
        if (hub->followers[i].ticket != 0 && hub->followers[i].unread > FEED_UNREAD_BYTES) {
            return true;
        }
    }
    return false;
}

/* ---- is a node heard? ---- */

/* It answers with a place for every lane, or not at all. */
static bool hub_node_settled(const struct hub_node *node)
{
    bool settled = true;
    for (uint32_t i = 0; i < node->lane_count; i++) {
        settled = settled && node->lanes[i]->tail != 0;
    }
    return settled || node->away || node->silent || timer_running(&node->trouble);
}

/* Who isn't heard by then is followed from the time at which the hub began, which is as good as
 * clocks are: so it is told as away. */
static void hub_ready_without(struct hub_node *node)
{
    bool unheard = false;
    for (uint32_t i = 0; i < node->lane_count; i++) {
        struct hub_lane *lane = node->lanes[i];
        unheard = unheard || lane->tail == 0;
        if (lane->tail == 0 && lane->from_end) {
            lane->from_end = false;
            hub_lane_drop(lane);
            hub_lane_ask(lane);
        }
    }
    if (unheard && !node->away && !node->silent) {
        timers_stop(&node->hub->worker->timers, &node->trouble);
        node->away = true;
        hub_tell_node(node, FEED_NEWS_AWAY);
    }
}

static void hub_ready(struct feed_hub *hub)
{
    hub->ready = true;
    timers_stop(&hub->worker->timers, &hub->settle);
    for (uint32_t i = 0; i < hub->node_count; i++) {
        hub_ready_without(hub->nodes[i]);
    }
    struct feed_news content = {.kind = FEED_NEWS_READY};
    hub_tell(hub, feed_news_new(&content));
}

void hub_review_ready(struct feed_hub *hub)
{
    if (hub->ready || !hub->active) {
        return;
    }
    for (uint32_t i = 0; i < hub->node_count; i++) {
        if (!hub_node_settled(hub->nodes[i])) {
            return;
        }
    }
    hub_ready(hub);
}

static void hub_on_settle(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    hub_ready(QUEUE_ITEM(timer, struct feed_hub, settle));
}

void hub_heard(struct hub_node *node)
{
    timers_stop(&node->hub->worker->timers, &node->trouble);
    if (node->away) {
        node->away = false;
        if (!node->silent) { /* else nothing follows: it is told when it keeps a feed again */
            hub_tell_node(node, FEED_NEWS_BACK);
        }
    }
}

static void hub_node_remove(struct feed_hub *hub, struct hub_node *node);

static void hub_on_trouble(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct hub_node *node = QUEUE_ITEM(timer, struct hub_node, trouble);
    if (node->leaver) {
        hub_node_remove(node->hub, node);
        return;
    }
    node->away = true;
    hub_tell_node(node, FEED_NEWS_AWAY);
}

void hub_in_trouble(struct hub_node *node)
{
    struct worker *worker = node->hub->worker;
    if (node->away || timer_running(&node->trouble) || node->id == worker_node_id(worker)) {
        return;
    }
    (void)timers_start(&worker->timers, &node->trouble, worker->now.mono_us + FEED_AWAY_US);
    hub_review_ready(node->hub);
}

/* ---- whom it follows ---- */

static uint32_t hub_index(const struct feed_hub *hub, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = hub->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hub->nodes[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct hub_node *hub_find(const struct feed_hub *hub, uint64_t id)
{
    uint32_t index = hub_index(hub, id);
    return index < hub->node_count && hub->nodes[index]->id == id ? hub->nodes[index] : NULL;
}

static void hub_node_free(struct hub_node *node)
{
    timers_stop(&node->hub->worker->timers, &node->trouble);
    for (uint32_t i = 0; i < node->lane_count; i++) {
        hub_lane_free(node->lanes[i]);
    }
    mem_free(node);
}

static void hub_node_remove(struct feed_hub *hub, struct hub_node *node)
{
    uint32_t index = hub_index(hub, node->id);
    memmove(hub->nodes + index, hub->nodes + index + 1,
            (hub->node_count - index - 1) * sizeof(struct hub_node *));
    hub->node_count--;
    hub_tell_node(node, FEED_NEWS_REMOVED); /* who begins anew for it is not shown the node */
    hub_node_free(node);
    hub_review_ready(hub);
}

static void hub_node_add(struct feed_hub *hub, uint64_t id, uint64_t time_ms, bool from_end)
{
    struct hub_node *node = mem_alloc_zeroed(1, sizeof(*node));
    struct hub_node **nodes =
        mem_realloc(hub->nodes, (hub->node_count + 1) * sizeof(struct hub_node *));
    hub->nodes = nodes == NULL ? hub->nodes : nodes;
    if (node == NULL || nodes == NULL) {
        mem_free(node);
        return; /* the next snapshot tries again */
    }
    node->hub = hub;
    node->id = id;
    node->trouble.fire = hub_on_trouble;
    uint32_t index = hub_index(hub, id);
    memmove(nodes + index + 1, nodes + index,
            (hub->node_count - index) * sizeof(struct hub_node *));
    nodes[index] = node;
    hub->node_count++;
    if (hub_lane_new(node, time_ms, from_end) < 0) {
        hub_node_remove(hub, node);
    }
}

/* Some live layout has it, or it is asked to be in. */
static bool hub_is_member(const struct view *view, uint64_t node)
{
    const struct role *role = roles_find(&view->roles, node);
    return (role != NULL && role->kind == ROLE_IN) || steward_is_live(view, node);
}

void feed_hub_adopt(struct feed_hub *hub)
{
    const struct snapshot *snapshot = hub->worker->snapshot;
    if (!hub->active || snapshot == NULL) {
        return;
    }
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        uint64_t id = snapshot->nodes[i].record.id;
        if (hub_find(hub, id) == NULL && !view_removed(snapshot->view, id) &&
            (id == snapshot->self || hub_is_member(snapshot->view, id))) {
            hub_node_add(hub, id, hub->ready ? 0 : hub->began_ms, !hub->ready);
        }
    }
    for (uint32_t i = hub->node_count; i-- > 0;) {
        struct hub_node *node = hub->nodes[i];
        bool member = hub_is_member(snapshot->view, node->id) || node->id == snapshot->self;
        node->leaver = !member;
        if (view_removed(snapshot->view, node->id) || (!member && node->away)) {
            hub_node_remove(hub, node);
        }
    }
}

/* ---- for whom ---- */

static void hub_close(struct feed_hub *hub)
{
    for (uint32_t i = 0; i < hub->node_count; i++) {
        hub_node_free(hub->nodes[i]);
    }
    hub->node_count = 0;
    hub->active = false;
    hub->ready = false;
    timers_stop(&hub->worker->timers, &hub->settle);
}

static void hub_open(struct feed_hub *hub)
{
    struct worker *worker = hub->worker;
    uint64_t margin_ms = worker->config->clock_ahead_ms_max;
    hub->active = true;
    hub->ready = false;
    hub->began_ms = worker->now.wall_ms > margin_ms ? worker->now.wall_ms - margin_ms : 1;
    (void)timers_start(&worker->timers, &hub->settle, worker->now.mono_us + FEED_SETTLE_US);
    feed_hub_adopt(hub);
}

/* Who wants lists and reads is told to all workers, for any of them may carry one out. */
static void hub_spread_wants(struct feed_hub *hub)
{
    struct worker *worker = hub->worker;
    for (uint32_t to = 0; to < worker->count; to++) {
        struct letter_feed_wants *letter =
            mem_alloc(sizeof(*letter) + worker->count * sizeof(letter->ops[0]));
        if (letter == NULL) {
            return; /* best effort */
        }
        for (uint32_t i = 0; i < worker->count; i++) {
            letter->ops[i] = hub->followers[i].ops;
        }
        worker_post(worker, to, &letter->letter, LETTER_FEED_WANTS);
    }
}

void feed_hub_follow(struct feed_hub *hub, uint32_t from, const struct letter_feed_follow *letter)
{
    struct hub_follower *follower = &hub->followers[from];
    uint32_t before = follower->ops;
    bool anew = letter->ticket != follower->ticket;
    bool any = false;
    follower->ticket = letter->ticket;
    follower->ops = letter->ticket == 0 ? 0 : letter->ops;
    for (uint32_t i = 0; i < hub->worker->count; i++) {
        any = any || hub->followers[i].ticket != 0;
    }
    if (anew) {
        follower->unread = 0;
        follower->behind = false;
    }
    if (!any && hub->active) {
        hub_close(hub);
    } else if (any && !hub->active && !hub->worker->stopping) {
        follower->ticket = 0; /* it is shown all at the end, in one piece */
        hub_open(hub);
        follower->ticket = letter->ticket;
    }
    if (anew && follower->ticket != 0) {
        hub_begin(hub, from);
    }
    if (follower->ops != before) {
        hub_spread_wants(hub);
    }
}

void feed_hub_taken(struct feed_hub *hub, uint32_t from, const struct letter_feed_taken *letter)
{
    struct hub_follower *follower = &hub->followers[from];
    if (follower->ticket == letter->ticket) {
        follower->unread -= letter->bytes < follower->unread ? letter->bytes : follower->unread;
    }
}

void feed_hub_link(struct feed_hub *hub, uint64_t id, bool up)
{
    struct hub_node *node = hub_find(hub, id);
    for (uint32_t i = 0; node != NULL && i < node->lane_count; i++) {
        hub_lane_drop(node->lanes[i]);
        hub_lane_ask(node->lanes[i]);
    }
    if (node != NULL && !up) {
        hub_in_trouble(node);
    }
}

/* ---- life ---- */

int feed_hub_new(struct worker *worker, struct feed_hub **out)
{
    struct feed_hub *hub = mem_alloc_zeroed(1, sizeof(*hub));
    struct hub_follower *followers = mem_alloc_zeroed(worker->count, sizeof(*followers));
    if (hub == NULL || followers == NULL) {
        mem_free(hub);
        mem_free(followers);
        return SHOAL_ENOMEM;
    }
    hub->worker = worker;
    hub->followers = followers;
    hub->next_id = FEED_HUB_ID_FIRST;
    hub->settle.fire = hub_on_settle;
    table_init(&hub->asks);
    *out = hub;
    return 0;
}

void feed_hub_stop(struct feed_hub *hub)
{
    hub_close(hub);
    for (uint32_t i = 0; i < hub->worker->count; i++) {
        hub->followers[i] = (struct hub_follower){0};
    }
}

void feed_hub_free(struct feed_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    hub_close(hub);
    table_deinit(&hub->asks);
    mem_free(hub->nodes);
    mem_free(hub->followers);
    mem_free(hub);
}
