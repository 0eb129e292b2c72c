#include "client_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>

#include "client/core.h"
#include "client/endpoint.h"

#define AWAIT_SECONDS_MAX 60

static void hosts_of(struct fixture *fixture, uint32_t given, char *out, size_t size)
{
    size_t len = 0;
    for (uint32_t i = 0; i < given; i++) {
        unsigned port = fixture_node(fixture, i)->port;
        len += (size_t)snprintf(out + len, size - len, "%s127.0.0.1:%u", i == 0 ? "" : ",", port);
    }
}

void fixture_begin(struct fixture *fixture, uint32_t nodes, uint32_t given,
                   const struct shoal_config *config)
{
    *fixture = (struct fixture){.base = event_base_new()};
    assert_non_null(fixture->base);
    fixture->cluster = fake_cluster_new(fixture->base, nodes);
    struct shoal_config own = {0};
    if (config != NULL) {
        own = *config;
    }
    char hosts[256];
    hosts_of(fixture, given, hosts, sizeof(hosts));
    own.hosts = hosts;
    assert_int_equal(shoal_client_new(&own, fixture->base, &fixture->client), 0);
}

void fixture_end(struct fixture *fixture)
{
    shoal_client_free(fixture->client);
    fake_cluster_free(fixture->cluster);
    event_base_free(fixture->base);
}

struct fake_node *fixture_node(struct fixture *fixture, uint32_t index)
{
    return fake_cluster_node(fixture->cluster, index);
}

static void text_of(char *out, size_t size, struct shoal_bytes bytes)
{
    (void)snprintf(out, size, "%.*s", (int)bytes.len, (const char *)bytes.data);
}

void note_done(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    (void)client;
    struct fixture *fixture = user;
    struct note *note = &fixture->notes[fixture->done % NOTES_MAX];
    *note = (struct note){.code = result->code, .value_count = result->value_count};
    (void)snprintf(note->text, sizeof(note->text), "%s", result->text);
    if (result->value_count > 0) {
        text_of(note->value, sizeof(note->value), result->values[0].value);
    }
    if (result->context.data != NULL) {
        text_of(note->context, sizeof(note->context), result->context);
    }
    for (size_t i = 0; i < result->entry_count; i++) {
        size_t len = strlen(note->keys);
        (void)snprintf(note->keys + len, sizeof(note->keys) - len, "%s%.*s", i == 0 ? "" : " ",
                       (int)result->entries[i].key.len, (const char *)result->entries[i].key.data);
    }
    note->more = result->after.data != NULL;
    if (note->more && result->after.len <= sizeof(note->after)) {
        memcpy(note->after, result->after.data, result->after.len);
        note->after_len = result->after.len;
    }
    fixture->done++;
}

static void on_too_long(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    *(bool *)user = true;
}

static void loop_until(struct fixture *fixture, uint32_t done,
                       bool (*condition)(struct fixture *fixture))
{
    bool too_long = false;
    struct event *guard = evtimer_new(fixture->base, on_too_long, &too_long);
    struct timeval wait = {.tv_sec = AWAIT_SECONDS_MAX};
    evtimer_add(guard, &wait);
    while ((condition != NULL ? !condition(fixture) : fixture->done < done) && !too_long) {
        assert_int_equal(event_base_loop(fixture->base, EVLOOP_ONCE), 0);
    }
    event_free(guard);
    if (too_long) {
        fail_msg("only %u of %u things were done", fixture->done, done);
    }
}

void await(struct fixture *fixture, uint32_t done)
{
    loop_until(fixture, done, NULL);
}

void await_true(struct fixture *fixture, bool (*condition)(struct fixture *fixture))
{
    loop_until(fixture, 0, condition);
}

static const struct note *last_note(struct fixture *fixture)
{
    return &fixture->notes[(fixture->done - 1) % NOTES_MAX];
}

const struct note *put(struct fixture *fixture, const char *key, const char *value)
{
    assert_int_equal(shoal_put_start(fixture->client, shoal_text(key), shoal_text(value), NULL,
                                     note_done, fixture),
                     0);
    await(fixture, fixture->done + 1);
    return last_note(fixture);
}

const struct note *get(struct fixture *fixture, const char *key)
{
    assert_int_equal(shoal_get_start(fixture->client, shoal_text(key), NULL, note_done, fixture),
                     0);
    await(fixture, fixture->done + 1);
    return last_note(fixture);
}

static bool all_ready(struct fixture *fixture)
{
    const struct shoal_client *client = fixture->client;
    if (client->map == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < client->map->node_count; i++) {
        struct endpoint *endpoint = client->map->nodes[i].endpoint;
        if (endpoint->ready_count < client->settings.connections) {
            return false;
        }
    }
    return true;
}

static bool map_there(struct fixture *fixture)
{
    return fixture->client->map != NULL;
}

void warm_up(struct fixture *fixture)
{
    (void)get(fixture, "any");
    await_true(fixture, map_there);
    for (uint32_t i = 0; i < fixture->client->map->node_count; i++) {
        char key[16];
        (void)get(fixture, key_of_owner(fixture, i, key));
    }
    await_true(fixture, all_ready);
    for (uint32_t i = 0; i < fixture->client->map->node_count; i++) {
        atomic_store(&fixture_node(fixture, i)->requests, 0);
    }
    fixture->done = 0;
}

const char *key_of_owner(struct fixture *fixture, uint32_t index, char key[16])
{
    for (unsigned i = 0;; i++) {
        (void)snprintf(key, 16, "key%u", i);
        if (fake_cluster_owner(fixture->cluster, bytes_from_string(key)) == index) {
            return key;
        }
    }
}
