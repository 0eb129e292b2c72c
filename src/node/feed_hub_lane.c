/* One lane as the hub follows it: one question is out at a time, and what the answer shows is told
 * to the workers: events, and whatever is missing between them and what came before. */
#include "base/log.h"
#include "base/memory.h"
#include "node/feed_hub_inside.h"
#include "shoal/error.h"

static void lane_later(struct hub_lane *lane, uint64_t delay_us)
{
    struct worker *worker = lane->node->hub->worker;
    if (timers_start(&worker->timers, &lane->timer, worker->now.mono_us + delay_us) < 0) {
        log_error("feed: no memory to follow a lane");
    }
}

static void lane_on_timer(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct hub_lane *lane = QUEUE_ITEM(timer, struct hub_lane, timer);
    bool late = lane->ask != 0;
    hub_lane_drop(lane);
    if (late) {
        hub_in_trouble(lane->node);
    }
    hub_lane_ask(lane);
}

int hub_lane_new(struct hub_node *node, uint64_t time_ms, bool from_end)
{
    struct feed_hub *hub = node->hub;
    if (hub->lanes >= LIMIT_FEED_LANES || node->lane_count >= LIMIT_WORKERS) {
        return SHOAL_ETOOBIG;
    }
    struct hub_lane *lane = mem_alloc_zeroed(1, sizeof(*lane));
    if (lane == NULL) {
        return SHOAL_ENOMEM;
    }
    lane->node = node;
    lane->lane = node->lane_count;
    lane->at = time_ms;
    lane->from_end = from_end;
    lane->timer.fire = lane_on_timer;
    node->lanes[node->lane_count++] = lane;
    hub->lanes++;
    hub_tell_lane(lane, FEED_NEWS_LANE, 0);
    hub_lane_ask(lane);
    return 0;
}

void hub_lane_drop(struct hub_lane *lane)
{
    struct feed_hub *hub = lane->node->hub;
    timers_stop(&hub->worker->timers, &lane->timer);
    if (lane->ask != 0) {
        (void)table_remove(&hub->asks, lane->ask);
        lane->ask = 0;
    }
}

void hub_lane_free(struct hub_lane *lane)
{
    hub_lane_drop(lane);
    lane->node->hub->lanes--;
    mem_free(lane);
}

void hub_lanes_cut(struct hub_node *node, uint32_t lanes)
{
    while (node->lane_count > lanes) {
        hub_lane_free(node->lanes[--node->lane_count]);
    }
}

/* ---- asking ---- */

static int lane_send(struct hub_lane *lane)
{
    struct feed_hub *hub = lane->node->hub;
    struct worker *worker = hub->worker;
    struct message_feed ask = {
        .id = hub->next_id++,
        .lane = lane->lane,
        .tail = lane->tail,
        .from = lane->tail != 0 ? FEED_FROM_POSITION
                                : (lane->from_end ? FEED_FROM_END : FEED_FROM_TIME),
        .at = lane->at,
        .bytes_max = FEED_PAGE_BYTES,
        .wait_us = lane->tail == 0 ? 0 : FEED_WAIT_US,
    };
    buffer_clear(&worker->frame);
    int error = message_feed_encode(&ask, &worker->frame);
    error = error == 0 ? table_put(&hub->asks, ask.id, lane) : error;
    if (error < 0) {
        return error;
    }
    error = worker_send(worker, lane->node->id, buffer_bytes(&worker->frame));
    if (error < 0) {
        (void)table_remove(&hub->asks, ask.id);
        return error;
    }
    lane->ask = ask.id;
    lane_later(lane, ask.wait_us + FEED_ANSWER_US);
    return 0;
}

void hub_lane_ask(struct hub_lane *lane)
{
    if (hub_full(lane->node->hub)) {
        lane_later(lane, FEED_FULL_US);
        return;
    }
    int error = lane_send(lane);
    if (error < 0) {
        lane_later(lane, FEED_RETRY_US);
    }
    if (error == SHOAL_ECONNECT) {
        hub_in_trouble(lane->node);
    }
}

/* ---- what an answer shows ---- */

/* How many lanes there are: those that are new begin as the node did, if this is the first that is
 * heard of it, and else at their beginning. False: the lane itself is no more. */
static bool lane_count_lanes(struct hub_lane *lane, uint32_t lanes)
{
    struct hub_node *node = lane->node;
    uint32_t index = lane->lane;
    bool changed = !node->told || lanes != node->lane_count;
    while (node->lane_count < lanes) {
        bool as_first = !node->told && lane->tail == 0;
        if (hub_lane_new(node, as_first ? lane->at : 0, as_first && lane->from_end) < 0) {
            log_warning("feed: too many lanes: some of a node are not followed",
                        LOG_TEXT("node", worker_node_name(node->hub->worker, node->id)));
            break;
        }
    }
    node->told = true;
    hub_lanes_cut(node, lanes);
    if (changed) {
        hub_tell_node(node, FEED_NEWS_LANES);
    }
    return index < node->lane_count;
}

/* It gets its place, or stands in another tail than it thought. */
static void lane_settle(struct hub_lane *lane, const struct message_fed *fed)
{
    if (lane->tail == 0) {
        bool whole = lane->at == 0 && !lane->from_end;
        lane->tail = fed->tail;
        lane->at = whole ? TAIL_FIRST : fed->first;
        lane->from_end = false;
        hub_tell_lane(lane, FEED_NEWS_PLACE, 0);
    } else if (lane->tail != fed->tail) {
        lane->tail = fed->tail;
        lane->at = fed->first;
        hub_tell_lane(lane, FEED_NEWS_LOST, 0);
    } else if (fed->end < lane->at) {
        lane->at = fed->end;
        hub_tell_lane(lane, FEED_NEWS_LOST, 0);
    }
}

static void lane_skip(struct hub_lane *lane, uint64_t until)
{
    if (until > lane->at) {
        uint64_t missed = until - lane->at;
        lane->at = until;
        hub_tell_lane(lane, FEED_NEWS_TRIMMED, missed);
    }
}

static int lane_take_events(struct hub_lane *lane, const struct message_fed *fed)
{
    int code;
    uint64_t next;
    struct feed_news *news = feed_news_of_events(fed->events, lane->at, &next, &code);
    if (news != NULL) {
        news->node = lane->node->id;
        news->lane = lane->lane;
        news->tail = lane->tail;
        lane->at = next;
        hub_tell(lane->node->hub, news);
    }
    return code;
}

static void lane_silent(struct hub_lane *lane)
{
    if (!lane->node->silent) {
        lane->node->silent = true;
        hub_tell_node(lane->node, FEED_NEWS_SILENT);
    }
    lane_later(lane, FEED_LATER_US);
}

static void lane_read(struct hub_lane *lane, const struct message_fed *fed)
{
    if (!lane_count_lanes(lane, fed->lanes == 0 ? lane->lane + 1 : fed->lanes)) {
        return;
    }
    if (lane->node->silent) {
        lane->node->silent = false;
        hub_tell_node(lane->node, FEED_NEWS_BACK);
    }
    lane_settle(lane, fed);
    uint64_t begins = feed_page_begins(fed);
    lane_skip(lane, begins < fed->end ? begins : fed->end);
    int code = lane_take_events(lane, fed);
    if (code == SHOAL_EDAMAGED) {
        lane_skip(lane, lane->at + 1); /* that one is gone: what is behind it may be well */
        lane_later(lane, FEED_FULL_US);
    } else if (code < 0) {
        lane_later(lane, FEED_RETRY_US);
    } else {
        hub_lane_ask(lane);
    }
}

static void lane_take(struct hub_lane *lane, const struct message_fed *fed)
{
    switch (fed->code) {
    case 0:
        lane_read(lane, fed);
        return;
    case SHOAL_EUNSUPPORTED:
        lane_silent(lane);
        return;
    case SHOAL_ENOTFOUND:
        if (lane->lane > 0) {
            (void)lane_count_lanes(lane, lane->lane);
        } else {
            lane_silent(lane);
        }
        return;
    case SHOAL_EDAMAGED:
    case SHOAL_EIO:
        lane_settle(lane, fed);
        lane_skip(lane, fed->next);
        lane_later(lane, FEED_FULL_US);
        return;
    default:
        lane_later(lane, FEED_RETRY_US);
        return;
    }
}

void feed_hub_take(struct feed_hub *hub, uint64_t node, const struct message_fed *fed)
{
    struct hub_lane *lane = table_get(&hub->asks, fed->id);
    if (lane == NULL || lane->node->id != node) {
        return;
    }
    hub_lane_drop(lane);
    hub_heard(lane->node);
    lane_take(lane, fed);
    hub_review_ready(hub);
}
