/* The ports by which a worker reaches the world: each call goes to the part of its station that
 * does it. See node/ports.h. */
#include "base/assert.h"
#include "net/keeper.h"
#include "net/net_state.h"
#include "net/process.h"

static int port_send(void *self, uint64_t node, struct bytes frame)
{
    struct station *station = self;
    return links_send(&station->links, node, frame);
}

static void port_reply(void *self, struct source source, struct bytes frame)
{
    struct station *station = self;
    ASSERT(source.worker == station->loop.index);
    inbound_reply(&station->inbound, source, frame);
}

static void port_link(void *self, uint64_t node, const char *host, uint16_t port)
{
    struct station *station = self;
    links_want(&station->links, node, host, port);
}

static void port_unlink(void *self, uint64_t node)
{
    struct station *station = self;
    links_unwant(&station->links, node);
}

static void port_contact(void *self, const char *host, uint16_t port, struct bytes frame,
                         uint64_t ticket, uint64_t timeout_us)
{
    struct station *station = self;
    contact_start(&station->contacts, host, port, frame, ticket, timeout_us);
}

static void port_post(void *self, uint32_t worker, struct letter *letter)
{
    struct station *station = self;
    loop_post(net_loop(station->net, worker), letter);
}

static void port_keep(void *self, struct bytes record, uint64_t sequence)
{
    struct station *station = self;
    keeper_keep(&station->loop, &station->net->disk, station->net->options.folder_fd, record,
                sequence);
}

static uint64_t port_memory_bytes(void *self)
{
    (void)self;
    return process_resident_bytes();
}

struct ports net_ports(struct net *net, uint32_t index)
{
    ASSERT(index < net->count);
    return (struct ports){
        .self = &net->stations[index],
        .send = port_send,
        .reply = port_reply,
        .link = port_link,
        .unlink = port_unlink,
        .contact = port_contact,
        .post = port_post,
        .keep = port_keep,
        .memory_bytes = port_memory_bytes,
    };
}

struct offload net_offload(struct net *net, uint32_t index)
{
    ASSERT(index < net->count && net->options.offload);
    return offload_desk_port(&net->stations[index].offload);
}
