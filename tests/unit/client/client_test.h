/* What the tests of the client share: fake nodes and a client on one event base, and a place where
 * outcomes are noted. No threads and no waiting for time: the loop runs until as much is done as
 * the test expects. */
#ifndef CLIENT_TEST_H
#define CLIENT_TEST_H

#include "shoal/client.h"
#include "support/fake_cluster.h"

struct event_base;

#define NOTES_MAX 64u

struct note {
    int code;
    char text[256];
    char value[64]; /* the first */
    size_t value_count;
    char context[64];
    char keys[256]; /* of a list, with blanks between */
    bool more;      /* a list's cursor is there */
    char after[16];
    size_t after_len;
};

struct fixture {
    struct event_base *base;
    struct fake_cluster *cluster;
    struct shoal_client *client;
    struct note notes[NOTES_MAX]; /* in the order things were done */
    uint32_t done;
};

/* A cluster of so many fake nodes; the client is given the first `given` of them. `config` may be
 * NULL; its hosts are filled in. */
void fixture_begin(struct fixture *fixture, uint32_t nodes, uint32_t given,
                   const struct shoal_config *config);
void fixture_end(struct fixture *fixture);

struct fake_node *fixture_node(struct fixture *fixture, uint32_t index);

/* A callback that notes; `user` is the fixture. */
void note_done(struct shoal_client *client, const struct shoal_result *result, void *user);

/* Runs the loop until `done` things are done; fails the test if that takes many seconds. */
void await(struct fixture *fixture, uint32_t done);
/* Runs it while `condition` is false. */
void await_true(struct fixture *fixture, bool (*condition)(struct fixture *fixture));

/* One operation from start to end; the note. */
const struct note *put(struct fixture *fixture, const char *key, const char *value);
const struct note *get(struct fixture *fixture, const char *key);

/* Makes sure that the client has its map and a connection to every node: keys of all owners are
 * read. Resets the counts and notes. */
void warm_up(struct fixture *fixture);

/* A key whose first owner is the node. */
const char *key_of_owner(struct fixture *fixture, uint32_t index, char key[16]);

#endif
