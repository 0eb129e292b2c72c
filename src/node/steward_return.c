/* A member that has lost its data_dir. It starts as a node that nobody knows, with another id; but
 * it has the name and the address of a member, at which then nobody else can listen: it is that
 * member with an empty disk, and is told its id when it asks for admission. All its holdings begin
 * anew, refilling, as after any loss; so nothing is moved, and nobody has to be told.
 *
 * Without seeds it would not know whom to ask, and found a cluster of its own. The members, who go
 * on dialling its address, notice a stranger there and invite it; an invited node asks for
 * admission as an operator would have it ask, but comes only if it is told that it was a member.
 * (Cassandra has the operator say replace_address, Riak force-replace.) */
#include "base/log.h"
#include "node/steward_inside.h"

#define RETURN_INVITE_US UINT64_C(1000000)

/* ---- the members' side ---- */

uint64_t steward_returning_member(const struct steward *steward, const struct role *namesake,
                                  const struct message_admit *admit)
{
    const struct gossip_node *known = gossip_find(&steward->gossip, namesake->node);
    bool same_place = known != NULL && known->record.peer_port != 0 &&
                      known->record.peer_port == admit->peer_port &&
                      strcmp(known->record.host, admit->host) == 0;
    return same_place ? namesake->node : 0;
}

void steward_on_stranger(struct steward *steward, uint64_t node)
{
    struct worker *worker = steward->worker;
    const struct gossip_node *known = gossip_find(&steward->gossip, node);
    const struct node_config *config = steward->config;
    uint64_t now_us = worker->now.mono_us;
    if (known == NULL || steward->view == NULL || steward->stopping || config->peer_port == 0 ||
        now_us < steward->next_invite_us) {
        return;
    }
    steward->next_invite_us = now_us + RETURN_INVITE_US;
    struct message_invite invite = {.id = steward->next_id++, .port = config->peer_port};
    memcpy(invite.host, config->advertise_host, sizeof(invite.host));
    buffer_clear(&worker->frame);
    if (message_invite_encode(&invite, &worker->frame) == 0) {
        /* Nobody answers an invitation: the contact ends by its time. */
        worker->ports.contact(worker->ports.self, known->record.host,
                              (uint16_t)known->record.peer_port, buffer_bytes(&worker->frame),
                              STEWARD_NO_TICKET, RETURN_INVITE_US);
    }
}

/* ---- the one that has lost its data ---- */

void steward_on_invite(struct steward *steward, const struct message_invite *invite)
{
    struct join *join = &steward->join;
    if (steward->view == NULL || steward->stopping || steward->config->peer_port == 0 ||
        steward_standing(steward) != STANDING_ALONE || join->stage != JOIN_NONE ||
        steward->changes.count > 0 || invite->port == 0 || join_keys_held(steward) > 0) {
        return; /* a node with data of its own is not disturbed, nor one that has left */
    }
    memcpy(join->host, invite->host, sizeof(join->host));
    join->port = (uint16_t)invite->port;
    join->invited = true;
    join->stage_only = false;
    join_close_own(steward);
}

void steward_become(struct steward *steward, uint64_t node)
{
    log_warning("join: this node is a member whose data_dir was lost; it is filled again by the "
                "others",
                LOG_HEX("node", node));
    steward->id = node;
    gossip_become(&steward->gossip, node);
}
