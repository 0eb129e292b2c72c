/* See lookout.h. One client to one node at a time: the order in which nodes are tried is decided
 * here and not by the library, which would wait for a silent node until the request's time is up.
 */
#include "cli/lookout.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/session.h"

#define ASK_MS 2000u
#define PORT_DEFAULT 3001u

static bool is_known(const struct lookout *lookout, const char *host)
{
    for (uint32_t i = 0; i < lookout->host_count; i++) {
        if (strcmp(lookout->hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static void close_client(struct lookout *lookout)
{
    shoal_client_free(lookout->client);
    lookout->client = NULL;
}

/* Of those learnt; the one that is asked now stays. */
static bool make_room(struct lookout *lookout)
{
    uint32_t victim = lookout->given_count;
    if (victim == lookout->at && lookout->client != NULL) {
        victim++;
    }
    if (victim >= lookout->host_count) {
        return false;
    }
    mem_free(lookout->hosts[victim]);
    lookout->host_count--;
    for (uint32_t i = victim; i < lookout->host_count; i++) {
        lookout->hosts[i] = lookout->hosts[i + 1];
    }
    if (lookout->at > victim) {
        lookout->at--;
    }
    return true;
}

void lookout_add(struct lookout *lookout, const char *host, uint16_t port)
{
    char text[TEXT_ADDRESS_BYTES];
    text_address(host, port, text);
    if (is_known(lookout, text) ||
        (lookout->host_count == LOOKOUT_HOSTS_MAX && !make_room(lookout))) {
        return;
    }
    char *copy = mem_copy_string(text, strlen(text));
    if (copy != NULL) {
        lookout->hosts[lookout->host_count++] = copy;
    }
}

void lookout_init(struct lookout *lookout, const struct invocation *invocation)
{
    *lookout = (struct lookout){0};
    uint16_t port = invocation->port != 0 ? (uint16_t)invocation->port : PORT_DEFAULT;
    const char *hosts = session_hosts(invocation);
    const char *at = hosts != NULL ? hosts : "127.0.0.1";
    for (;;) {
        const char *end = strchrnul(at, ',');
        char text[TEXT_ADDRESS_BYTES];
        char host[256];
        uint16_t host_port;
        (void)snprintf(text, sizeof(text), "%.*s", (int)(end - at), at);
        if (text_parse_address(text, port, host, &host_port) == 0) {
            lookout_add(lookout, host, host_port);
        }
        if (*end == '\0') {
            break;
        }
        at = end + 1;
    }
    lookout->given_count = lookout->host_count;
}

void lookout_deinit(struct lookout *lookout)
{
    close_client(lookout);
    for (uint32_t i = 0; i < lookout->host_count; i++) {
        mem_free(lookout->hosts[i]);
    }
    *lookout = (struct lookout){0};
}

static int connect_to(struct lookout *lookout)
{
    if (lookout->client != NULL) {
        return 0;
    }
    if (lookout->host_count == 0) {
        (void)snprintf(lookout->why, sizeof(lookout->why), "no node to ask");
        return SHOAL_EINVAL;
    }
    struct shoal_config config = {
        .hosts = lookout->hosts[lookout->at],
        .routing = SHOAL_ROUTE_GIVEN,
        .name = "shoal",
        .timeout_ms = ASK_MS,
        .connect_timeout_ms = ASK_MS,
    };
    return shoal_client_open(&config, &lookout->client, lookout->why, sizeof(lookout->why));
}

static void learn(struct lookout *lookout, const struct shoal_status *status)
{
    lookout->cluster = status->cluster;
    for (size_t i = 0; i < status->node_count; i++) {
        const struct shoal_node *node = &status->nodes[i];
        if (strcmp(node->state, "up") == 0 && node->host[0] != '\0' && node->client_port != 0) {
            lookout_add(lookout, node->host, node->client_port);
        }
    }
}

static int ask(struct lookout *lookout, struct shoal_status **out)
{
    int code = connect_to(lookout);
    if (code != 0) {
        return code;
    }
    struct shoal_status *status = NULL;
    code = shoal_status(lookout->client, NULL, &status);
    if (code != 0) {
        (void)snprintf(lookout->why, sizeof(lookout->why), "%s",
                       shoal_client_error(lookout->client));
        return code;
    }
    if (lookout->cluster != 0 && status->cluster != lookout->cluster) {
        (void)snprintf(lookout->why, sizeof(lookout->why), "%s is in another cluster now",
                       lookout->hosts[lookout->at]);
        shoal_status_free(status);
        return SHOAL_ECLUSTER;
    }
    learn(lookout, status);
    *out = status;
    return 0;
}

int lookout_ask(struct lookout *lookout, struct shoal_status **out)
{
    int code = ask(lookout, out);
    if (code != 0) {
        close_client(lookout);
        lookout->at = lookout->host_count == 0 ? 0 : (lookout->at + 1) % lookout->host_count;
    }
    return code;
}
