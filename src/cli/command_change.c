/* shoal leave-cluster, remove-node, replace-node and set-node: one member changes, at once or, with
 * --stage, when it is committed. */
#include "base/text.h"
#include "cli/change.h"

#define PEER_PORT_DEFAULT 4001u

static struct shoal_change change_of(const struct invocation *invocation, enum shoal_change_op op)
{
    return (struct shoal_change){
        .op = op,
        .node = invocation->node,
        .stage = invocation->stage,
        .force = invocation->force,
    };
}

static int demand_node(struct terminal *terminal, const struct invocation *invocation)
{
    if (invocation->node != NULL && invocation->node[0] != '\0') {
        return 0;
    }
    return terminal_fail_form(terminal, SHOAL_EINVAL,
                              "%s: give --node NAME: shoal status lists the names",
                              invocation->command->name);
}

int command_leave(struct terminal *terminal, const struct invocation *invocation)
{
    struct shoal_change change = change_of(invocation, SHOAL_CHANGE_LEAVE);
    return change_carry_out(terminal, invocation, &change);
}

int command_remove(struct terminal *terminal, const struct invocation *invocation)
{
    int status = demand_node(terminal, invocation);
    if (status != 0) {
        return status;
    }
    struct shoal_change change = change_of(invocation, SHOAL_CHANGE_REMOVE);
    return change_carry_out(terminal, invocation, &change);
}

int command_replace(struct terminal *terminal, const struct invocation *invocation)
{
    int status = demand_node(terminal, invocation);
    if (status != 0) {
        return status;
    }
    char host[256];
    struct shoal_change change = change_of(invocation, SHOAL_CHANGE_REPLACE);
    if (invocation->with == NULL ||
        text_parse_address(invocation->with, PEER_PORT_DEFAULT, host, &change.peer_port) != 0) {
        return terminal_fail(terminal, SHOAL_EINVAL,
                             "replace-node: give --with HOST:PEER_PORT, an empty node that runs "
                             "and is in no cluster with others");
    }
    change.host = host;
    return change_carry_out(terminal, invocation, &change);
}

int command_set(struct terminal *terminal, const struct invocation *invocation)
{
    int status = demand_node(terminal, invocation);
    if (status != 0) {
        return status;
    }
    struct shoal_change change = change_of(invocation, SHOAL_CHANGE_SET);
    change.weight = (uint32_t)invocation->weight;
    change.zone = invocation->zone;
    if (change.weight == 0 && change.zone == NULL) {
        return terminal_fail(terminal, SHOAL_EINVAL,
                             "set-node: give --weight, --zone or both: what shall it be?");
    }
    return change_carry_out(terminal, invocation, &change);
}
