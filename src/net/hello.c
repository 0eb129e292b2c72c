/* Building and judging hellos. */
#include "net/hello.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "shoal/error.h"

#define VERSION_MIN 1u

#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 6

/* Names of nodes travel in hellos only for logs. */
static void describe_self(struct loop *loop, uint64_t *cluster, uint64_t *node,
                          char name[LIMIT_NAME_BYTES + 1])
{
    *cluster = 0;
    *node = worker_node_id(loop->worker);
    name[0] = 0;
    const struct snapshot *snapshot = worker_snapshot(loop->worker);
    if (snapshot != NULL) {
        *cluster = view_facts(snapshot->view)->id;
        const struct snapshot_node *self = snapshot_find(snapshot, snapshot->self);
        if (self != NULL) {
            memcpy(name, self->record.name, LIMIT_NAME_BYTES + 1);
        }
    }
}

struct message_hello hello_to_peer(struct loop *loop, uint64_t id, bool with_cluster)
{
    struct message_hello hello = {
        .id = id,
        .version_min = VERSION_MIN,
        .version_max = PROTOCOL_VERSION,
        .role = ROLE_PEER,
        .worker = loop->index,
    };
    describe_self(loop, &hello.cluster, &hello.node, hello.name);
    if (!with_cluster) {
        hello.cluster = 0;
    }
    return hello;
}

int hello_agree(const struct message_hello *hello, uint32_t *version, char text[256])
{
    if (hello->version_min > hello->version_max || hello->version_max < VERSION_MIN ||
        hello->version_min > PROTOCOL_VERSION) {
        snprintf(text, 256,
                 "protocol versions %u to %u were offered, this node speaks %u to %u: "
                 "use releases that are at most one version apart",
                 hello->version_min, hello->version_max, VERSION_MIN, PROTOCOL_VERSION);
        return SHOAL_EVERSION;
    }
    *version = hello->version_max < PROTOCOL_VERSION ? hello->version_max : PROTOCOL_VERSION;
    return 0;
}

struct message_hello_reply hello_answer(struct loop *loop, const struct message_hello *hello,
                                        uint32_t version, uint64_t frame_bytes_max)
{
    struct message_hello_reply reply = {
        .id = hello->id,
        .version = version,
        .frame_bytes_max = frame_bytes_max,
    };
    describe_self(loop, &reply.cluster, &reply.node, reply.name);
    return reply;
}

struct message_hello hello_of_reply(const struct message_hello_reply *reply)
{
    struct message_hello hello = {
        .id = reply->id,
        .version_min = reply->version,
        .version_max = reply->version,
        .features = reply->features,
        .role = ROLE_PEER,
        .cluster = reply->cluster,
        .node = reply->node,
    };
    memcpy(hello.name, reply->name, sizeof(hello.name));
    return hello;
}

int hello_refuse(struct buffer *out, uint64_t id, int code, const char *text)
{
    struct message_result result = {.id = id, .code = code, .text = bytes_from_string(text)};
    return message_result_encode(&result, out);
}

void hello_socket_options(int fd)
{
    int one = 1;
    int idle_s = KEEPALIVE_IDLE_S;
    int interval_s = KEEPALIVE_INTERVAL_S;
    int probes = KEEPALIVE_PROBES;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}
