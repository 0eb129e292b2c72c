/* Becoming a member of a cluster. There is no leader to ask: the joiner learns the cluster's view
 * from any member, adds itself, makes that durable and tells it; so an address that doesn't answer,
 * or a joiner that dies on the way, leaves no ghost member behind.
 *
 *      NONE -> CLOSING -> CONTACTING -> KEEPING -> TELLING -> NONE       by an operator
 *      NONE ------------> CONTACTING -> KEEPING -> TELLING -> NONE       by the seeds, in turn
 *
 * An operator's join first closes the node's own (single-node) cluster for writes and counts what
 * it holds, for whoever joins leaves its own cluster behind. */
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "node/steward_inside.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdarg.h>
#include <stdio.h>

#define JOIN_PUSH_US UINT64_C(50000)

static void join_on_timer(struct timer *timer, uint64_t now_us);

void join_init(struct steward *steward)
{
    steward->join.timer.fire = join_on_timer;
}

/* ---- the end of a join ---- */

/* What fails by the seeds is tried again and again: it is told once for each seed and reason. */
static void join_report(struct steward *steward, bool asked, const char *reason)
{
    struct join *join = &steward->join;
    uint64_t *told = &join->told[join->seed % STEWARD_SEEDS_TOLD];
    uint64_t hash = hash_xxh3(bytes_from_string(reason));
    if (asked || !join->by_seeds || *told != hash) {
        log_warning("join: failed", LOG_TEXT("reason", reason));
    }
    *told = hash;
}

static void join_finish(struct steward *steward, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void join_finish(struct steward *steward, int code, const char *format, ...)
{
    struct join *join = &steward->join;
    char text[1280];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct request *request = join->request;
    bool switching = join->stage == JOIN_KEEPING; /* stays closed: it leaves its own cluster yet */
    join->request = NULL;
    join->stage = JOIN_NONE;
    timers_stop(&steward->worker->timers, &join->timer);
    if (code == 0) {
        log_info("join: done", LOG_TEXT("cluster", view_facts(steward->view)->name));
    } else {
        join_report(steward, request != NULL, text);
    }
    if (steward->closed && !switching) {
        steward->closed = false;
        steward_publish(steward);
    }
    if (request != NULL) {
        struct outcome outcome = {.code = code};
        if (code != 0) {
            outcome.text = bytes_from_string(text);
        }
        worker_complete(steward->worker, request, &outcome);
    }
    if (join->by_seeds && steward->view == NULL && !steward->stopping) {
        join->seed++;
        (void)timers_start(&steward->worker->timers, &join->timer,
                           steward->worker->now.mono_us + 1);
    }
}

void join_close(struct steward *steward)
{
    struct join *join = &steward->join;
    meet_close(steward);
    join->by_seeds = false;
    timers_stop(&steward->worker->timers, &join->timer);
    if (join->request != NULL && join->stage != JOIN_NONE) {
        struct request *request = join->request;
        bool told = join->stage >= JOIN_KEEPING;
        struct outcome outcome = {.code = told ? SHOAL_EUNKNOWN : SHOAL_ESHUTDOWN,
                                  .text = bytes_from_string("this node is stopping")};
        join->request = NULL;
        join->stage = JOIN_NONE;
        worker_complete(steward->worker, request, &outcome);
    }
}

/* ---- contacting ---- */

void join_contact(struct steward *steward)
{
    struct worker *worker = steward->worker;
    struct join *join = &steward->join;
    const struct node_config *config = steward->config;
    struct message_admit admit = {
        .id = steward->next_id++,
        .node = steward->id,
        .name = bytes_from_string(config->name),
        .cluster_name = bytes_from_string(config->cluster_name),
        .partitions = config->partitions,
        .n = config->n,
        .r = config->r,
        .w = config->w,
        .peer_port = config->peer_port,
    };
    memcpy(admit.host, config->advertise_host, sizeof(admit.host));
    join->stage = JOIN_CONTACTING;
    join->ticket++;
    uint64_t timeout_us = STEWARD_CONTACT_US;
    if (join->request != NULL) {
        uint64_t left_us = join->request->deadline_us > worker->now.mono_us
                               ? join->request->deadline_us - worker->now.mono_us
                               : 1;
        timeout_us = left_us < timeout_us ? left_us : timeout_us;
    } else {
        timers_stop(&worker->timers, &join->timer); /* the contact ends by itself */
    }
    buffer_clear(&worker->frame);
    if (message_admit_encode(&admit, &worker->frame) < 0) {
        join_finish(steward, SHOAL_ENOMEM, "out of memory");
        return;
    }
    worker->ports.contact(worker->ports.self, join->host, join->port, buffer_bytes(&worker->frame),
                          join->ticket, timeout_us);
}

/* ---- being admitted ---- */

static const char *join_where(const struct join *join, char where[TEXT_ADDRESS_BYTES])
{
    text_address(join->host, join->port, where);
    return where;
}

static void join_on_admitted(struct steward *steward, const struct message_admit_reply *reply)
{
    struct join *join = &steward->join;
    char where[TEXT_ADDRESS_BYTES];
    if (reply->code != 0) {
        int len = reply->text.len > 900 ? 900 : (int)reply->text.len;
        join->other_in_progress = join->other_in_progress || reply->code != SHOAL_EQUORUM;
        join_finish(steward, reply->code, "%s: %.*s", join_where(join, where), len,
                    len == 0 ? "refused" : (const char *)reply->text.data);
        return;
    }
    join->other_in_progress = true;
    if (steward->view != NULL && view_facts(steward->view)->id == reply->cluster &&
        steward_standing(steward) < STANDING_LEAVING) {
        join_finish(steward, 0, "already a member");
        return;
    }
    if (join->invited && reply->node == 0) {
        join_finish(steward, SHOAL_ENOTFOUND, "invited, but not known there as a member");
        return;
    }
    if (!steward_secret_fits(steward, reply->cluster, reply->secret)) {
        join_finish(steward, SHOAL_EPERM,
                    "%s has another cluster secret: compare the files named by "
                    "cluster.secret_file",
                    join_where(join, where));
        return;
    }
    int result = join_take(steward, reply);
    if (result < 0) {
        join_finish(steward, result, "%s: its answer can't be used: %s", join_where(join, where),
                    shoal_error_text(result));
    }
}

void steward_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload)
{
    struct join *join = &steward->join;
    if (ticket >= STEWARD_SEEK_TICKETS) {
        seek_on_contacted(steward, ticket, code, payload);
        return;
    }
    if (ticket >= STEWARD_CHANGE_TICKETS) {
        change_on_contacted(steward, ticket, code, payload);
        return;
    }
    if (ticket >= STEWARD_MEET_TICKETS) {
        meet_on_contacted(steward, ticket, code, payload);
        return;
    }
    if (ticket != join->ticket || join->stage != JOIN_CONTACTING) {
        return;
    }
    if (join->request == NULL && join->seed == 0) {
        join->first_is_self = code == CONTACT_SELF;
    }
    struct message_admit_reply reply = {0};
    char why[256];
    char where[TEXT_ADDRESS_BYTES];
    bool told = code != 0 && payload.len > 0;
    (void)snprintf(why, sizeof(why), "%.*s", told && payload.len < 255 ? (int)payload.len : 255,
                   told ? (const char *)payload.data : "");
    if (code == CONTACT_SELF) {
        join_finish(steward, SHOAL_EINVAL, "%s: %s", join_where(join, where),
                    told ? why : "it is the address of this node itself");
        return;
    }
    if (code == 0) {
        code = frame_validate(payload);
    }
    if (code == 0) {
        code = message_admit_reply_decode(payload, &steward->worker->arena, &reply);
    }
    if (code < 0) {
        join_finish(steward, code,
                    "%s does not answer as a Shoal node's peer port (%s): check the address; "
                    "nothing was changed",
                    join_where(join, where), told ? why : shoal_error_text(code));
        return;
    }
    join_on_admitted(steward, &reply);
}

void join_on_kept(struct steward *steward)
{
    struct join *join = &steward->join;
    const struct role *role = roles_find(&steward->view->roles, steward->id);
    if (join->cluster == 0 || view_facts(steward->view)->id != join->cluster || role == NULL ||
        role->kind != ROLE_IN) {
        return;
    }
    /* From here on this node is a member: its own record of it is durable. */
    join->cluster = 0;
    steward->closed = false;
    steward->returning = join->returned; /* then its holdings lack what they should have */
    if (join->stage == JOIN_KEEPING) {
        join->stage = JOIN_TELLING;
        (void)timers_start(&steward->worker->timers, &join->timer,
                           steward->worker->now.mono_us + JOIN_PUSH_US);
    }
}

void join_on_confirmed(struct steward *steward)
{
    if (steward->join.stage == JOIN_TELLING) {
        join_finish(steward, 0, "joined");
    }
}

/* ---- by an operator's word: steward_join_asked.c ---- */

void join_close_own(struct steward *steward)
{
    struct join *join = &steward->join;
    uint64_t until_us = join->request != NULL ? join->request->deadline_us
                                              : steward->worker->now.mono_us + STEWARD_CONTACT_US;
    join->stage = JOIN_CLOSING;
    if (timers_start(&steward->worker->timers, &join->timer, until_us) < 0) {
        join_finish(steward, SHOAL_ENOMEM, "out of memory; nothing was changed");
        return;
    }
    steward->closed = true;
    join->closed_epoch = steward->epoch + 1; /* whenever it comes to be published */
    steward_publish(steward);
}

uint64_t join_keys_held(const struct steward *steward)
{
    uint64_t keys = 0;
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        keys += steward->tallies[i].keys + steward->tallies[i].hints;
    }
    return keys;
}

void join_on_tally(struct steward *steward)
{
    struct join *join = &steward->join;
    if (join->stage != JOIN_CLOSING) {
        return;
    }
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        if (steward->tallies[i].epoch < join->closed_epoch) {
            return;
        }
    }
    uint64_t keys = join_keys_held(steward);
    if (keys > 0) {
        join_finish(steward, SHOAL_EHASDATA,
                    "this node holds %llu keys of its own (deleted ones included), which joining "
                    "would leave behind: dump them, start it with an empty data directory, join, "
                    "and load them into the cluster",
                    (unsigned long long)keys);
        return;
    }
    join_contact(steward);
}

/* ---- time ---- */

static void join_on_timer(struct timer *timer, uint64_t now_us)
{
    struct steward *steward = QUEUE_ITEM(timer, struct steward, join.timer);
    struct join *join = &steward->join;
    bool late = join->request != NULL && now_us >= join->request->deadline_us;
    switch (join->stage) {
    case JOIN_NONE:
        if (join->by_seeds && steward->view == NULL) {
            join_next_seed(steward);
        }
        return;
    case JOIN_CLOSING:
        join_finish(steward, SHOAL_ETIMEOUT, "the node's workers did not answer in time");
        return;
    case JOIN_CONTACTING:
        return; /* it ends by itself */
    case JOIN_KEEPING:
        join_finish(
            steward, SHOAL_EUNKNOWN,
            "this node could not write its own record in time; it joins once it can: look at "
            "its log and at status");
        return;
    case JOIN_TELLING:
        if (late) {
            join_finish(steward, SHOAL_EUNKNOWN,
                        "this node has joined, but no member has confirmed it yet; it goes on "
                        "telling them: look at status");
            return;
        }
        steward_push(steward);
        (void)timers_start(&steward->worker->timers, timer, now_us + JOIN_PUSH_US);
        return;
    }
}
