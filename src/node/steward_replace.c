/* One member by another, in one layout, so that data moves once: from the old member to the new.
 *
 *      asked node --JOIN, staged--> newcomer --joins by the asked node--> its role, staged, is
 * known then one commit takes both: the newcomer in, with the old one's weight; the old one out
 *
 * Nothing is committed before the newcomer is there; if anything fails on the way, its staged role
 * is taken back. A replace that was cut short can be repeated: a newcomer whose staged role is
 * known already isn't told again. (Cassandra replaces an address, and has the new node take over
 * the dead one's tokens; here the planner finds by itself that moving least is just that.) */
#include "base/log.h"
#include "base/memory.h"
#include "node/steward_inside.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdio.h>

/* The newcomer answers its asker well before the operator stops waiting. */
static uint64_t replace_contact_us(const struct change *change)
{
    uint64_t now_us = change->steward->worker->now.mono_us;
    uint64_t left_us =
        change->request->deadline_us > now_us ? change->request->deadline_us - now_us : 1;
    return left_us - left_us / 4;
}

/* ---- giving up ---- */

/* Takes the newcomer's staged role back, if it has one. */
static bool replace_cancel(struct change *change)
{
    struct steward *steward = change->steward;
    const struct role *role =
        change->newcomer[0] == '\0'
            ? NULL
            : roles_find_member_by_name(&steward->wanted->roles, change->newcomer);
    if (role == NULL || !role->staged || steward_role_of(steward->wanted, role->node) != NULL) {
        return false;
    }
    struct role out = *role;
    out.kind = ROLE_OUT;
    out.staged = false;
    out.author = steward->id;
    struct view *view;
    return view_with_role(steward->wanted, &out, &view) >= 0 && steward_want(steward, view) == 0;
}

static void replace_fail(struct change *change, int code, const char *why)
{
    char text[CHANGE_TEXT_BYTES];
    bool cancelled = replace_cancel(change);
    (void)snprintf(text, sizeof(text), "%.700s; nothing was replaced%s", why,
                   cancelled ? ", and that the new node is to join was taken back" : "");
    change_fail(change, code, text);
}

void replace_late(struct change *change)
{
    const struct message_change *ask = change->request->change;
    char text[CHANGE_TEXT_BYTES];
    (void)snprintf(text, sizeof(text),
                   "%s:%u has not joined in time (its log says why): if status shows it as staged, "
                   "repeat the command, or forget it with cancel",
                   ask->host, (unsigned)ask->port);
    replace_fail(change, SHOAL_ETIMEOUT, text);
}

/* ---- the newcomer has joined, staged ---- */

static void replace_commit(struct change *change, const struct role *newcomer)
{
    struct steward *steward = change->steward;
    const struct message_change *ask = change->request->change;
    struct proposal proposal = {0};
    struct subject old;
    uint32_t kind;
    int result = judge_subject(steward, ask, &old, proposal.text);
    if (result == 0) {
        result = judge_end(steward, ask, &old, &kind, proposal.text);
    }
    if (result == 0) {
        struct role in = *newcomer;
        in.staged = ask->stage;
        in.author = steward->id;
        in.weight = old.role.weight;
        old.role.kind = kind;
        result = operate_with(steward, ask, &old.role, &in, &proposal);
    }
    if (result < 0) {
        replace_fail(change, result, proposal.text);
        return;
    }
    change_take(change, result, &proposal);
}

void replace_look(struct change *change)
{
    const struct roles *roles = &change->steward->wanted->roles;
    const struct role *role = roles_find_member_by_name(roles, change->newcomer);
    if (role != NULL) {
        struct role newcomer = *role;
        replace_commit(change, &newcomer);
    }
}

static void replace_await(struct change *change)
{
    uint64_t now_us = change->steward->worker->now.mono_us;
    uint64_t deadline_us = change->request->deadline_us;
    change->step = CHANGE_AWAITING;
    steward_push(change->steward);
    if (timers_start(&change->steward->worker->timers, &change->timer,
                     deadline_us > now_us ? deadline_us : now_us + 1) < 0) {
        replace_fail(change, SHOAL_ENOMEM, "out of memory");
        return;
    }
    replace_look(change);
}

void replace_on_contacted(struct change *change, int code, struct bytes payload)
{
    const struct message_change *ask = change->request->change;
    struct message_result result = {0};
    char text[CHANGE_TEXT_BYTES];
    bool failed = code != 0; /* then the payload is a text */
    if (!failed) {
        code = frame_validate(payload);
    }
    if (code == 0) {
        code = message_result_decode(payload, &change->steward->worker->arena, &result);
    }
    bool named = code == 0 && result.code == 0 && result.value_count == 1 &&
                 result.values[0].value.len > 0 && result.values[0].value.len <= LIMIT_NAME_BYTES;
    if (named) {
        memcpy(change->newcomer, result.values[0].value.data, result.values[0].value.len);
        replace_await(change);
        return;
    }
    if (code == 0 && result.code != 0) {
        int len = result.text.len > 500 ? 500 : (int)result.text.len;
        (void)snprintf(text, sizeof(text), "%s:%u can't join: %.*s", ask->host, (unsigned)ask->port,
                       len, len == 0 ? "refused" : (const char *)result.text.data);
        replace_fail(change, result.code, text);
        return;
    }
    (void)snprintf(text, sizeof(text),
                   "%s:%u does not answer as a Shoal node's peer port: check the address, and that "
                   "the node is up",
                   ask->host, (unsigned)ask->port);
    replace_fail(change, code < 0 ? code : SHOAL_ECONNECT, text);
}

/* ---- telling it ---- */

/* The member or joiner whose address this is, as far as gossip knows. */
static const struct role *replace_known(const struct steward *steward,
                                        const struct message_change *ask)
{
    const struct roles *roles = &steward->wanted->roles;
    for (uint32_t i = 0; i < roles->count; i++) {
        const struct gossip_node *node = gossip_find(&steward->gossip, roles->items[i].node);
        if (roles->items[i].kind == ROLE_IN && node != NULL &&
            node->record.peer_port == ask->port && strcmp(node->record.host, ask->host) == 0) {
            return &roles->items[i];
        }
    }
    return NULL;
}

static void replace_contact(struct change *change)
{
    struct steward *steward = change->steward;
    struct worker *worker = steward->worker;
    const struct message_change *ask = change->request->change;
    uint64_t timeout_us = replace_contact_us(change);
    struct message_join join = {.id = steward->next_id++,
                                .port = steward->config->peer_port,
                                .timeout_us = timeout_us - timeout_us / 8,
                                .stage = true};
    memcpy(join.host, steward->config->advertise_host, sizeof(join.host));
    change->step = CHANGE_CONTACTING;
    change->ticket = STEWARD_CHANGE_TICKETS + ++steward->changes.ticket;
    buffer_clear(&worker->frame);
    if (message_join_encode(&join, &worker->frame) < 0) {
        replace_fail(change, SHOAL_ENOMEM, "out of memory");
        return;
    }
    worker->ports.contact(worker->ports.self, ask->host, (uint16_t)ask->port,
                          buffer_bytes(&worker->frame), change->ticket, timeout_us);
}

/* What would be refused at the end had better be refused now. */
static int replace_judge(struct change *change, char text[CHANGE_TEXT_BYTES])
{
    struct steward *steward = change->steward;
    const struct message_change *ask = change->request->change;
    struct subject old;
    uint32_t kind;
    if (ask->node.data == NULL || ask->host[0] == '\0' || ask->port == 0 ||
        ask->port > UINT16_MAX) {
        (void)snprintf(text, CHANGE_TEXT_BYTES,
                       "name the node to replace, and the new one's peer address as host:port");
        return SHOAL_EINVAL;
    }
    int result = judge_subject(steward, ask, &old, text);
    if (result < 0) {
        return result;
    }
    if (old.role.kind != ROLE_IN) {
        (void)snprintf(text, CHANGE_TEXT_BYTES,
                       "node '%s' is no member any more, and can't be replaced: join the new node "
                       "with join-cluster",
                       old.role.name);
        return SHOAL_ECONFLICT;
    }
    if (steward->config->peer_port == 0) {
        (void)snprintf(text, CHANGE_TEXT_BYTES,
                       "node '%s' has no peer port that others could join by: ask another member",
                       steward->config->name);
        return SHOAL_EUNSUPPORTED;
    }
    return judge_end(steward, ask, &old, &kind, text);
}

void replace_begin(struct change *change)
{
    char text[CHANGE_TEXT_BYTES] = "";
    int result = replace_judge(change, text);
    if (result < 0) {
        change_fail(change, result, text);
        return;
    }
    const struct role *known = replace_known(change->steward, change->request->change);
    if (known != NULL && !known->staged) {
        (void)snprintf(text, sizeof(text),
                       "the node at that address is the member '%s': name an empty node's address",
                       known->name);
        change_fail(change, SHOAL_ECONFLICT, text);
    } else if (known != NULL) {
        memcpy(change->newcomer, known->name, sizeof(change->newcomer));
        replace_await(change);
    } else {
        replace_contact(change);
    }
}

/* ---- the newcomer's side ---- */

/* A join that a member asked for, as if by an operator. */
struct told_join {
    struct request request;
    struct worker *worker;
    struct source source;
    struct message_join join;
};

static void told_done(struct request *request, const struct outcome *outcome)
{
    struct told_join *told = request->user;
    struct worker *worker = told->worker;
    struct outcome answer = *outcome;
    struct result_value name = {.value = bytes_from_string(worker->config->name)};
    if (outcome->code == 0) {
        answer.values = &name;
        answer.value_count = 1;
    }
    struct message_result result;
    outcome_to_result(&answer, told->join.id, &result);
    buffer_clear(&worker->reply);
    if (!worker->steward->stopping && message_result_encode(&result, &worker->reply) == 0) {
        worker_reply(worker, told->source, buffer_bytes(&worker->reply));
    }
    mem_free(told);
}

void steward_on_told_to_join(struct steward *steward, struct source source,
                             const struct message_join *join)
{
    struct told_join *told = mem_alloc_zeroed(1, sizeof(*told));
    if (told == NULL) {
        return; /* who asks hears nothing, and says so */
    }
    told->worker = steward->worker;
    told->source = source;
    told->join = *join;
    told->request = (struct request){.op = REQUEST_JOIN,
                                     .key = bytes_from_string(told->join.host),
                                     .limit = told->join.port,
                                     .stage = join->stage,
                                     .options = {.timeout_us = join->timeout_us},
                                     .done = told_done,
                                     .user = told};
    worker_take_request(steward->worker, &told->request);
}
