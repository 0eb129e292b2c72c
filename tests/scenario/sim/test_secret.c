/* The cluster's secret is changed, node by node, under clients that hold tokens from before and get
 * new ones on the way: none of theirs is ever refused, and never one that somebody else has made.
 */
#include "scenario.h"

#include "model/token.h"

#define NODES 3u
#define TOKENS_MAX 50u
#define OLD "the secret until today"
#define NEW "the secret from now on"

/* A purse of tokens that clients got before anything changed, each of a key of its own. */
struct story {
    struct cluster cluster;
    struct answer tokens[TOKENS_MAX];
    uint32_t spent;
    uint32_t puts; /* no two values are the same */
};

static void configure(struct cluster *cluster, uint32_t node, const char *secret,
                      const char *previous)
{
    struct node_config *config = &cluster_node(cluster, node)->config;
    config->secret = bytes_from_string(secret);
    config->secret_previous = bytes_from_string(previous);
}

static void story_open(struct story *story)
{
    struct sim_options options;
    sim_options_quiet(&options);
    *story = (struct story){0};
    cluster_open_empty(&story->cluster, &options);
    for (uint32_t node = 0; node < NODES; node++) {
        configure(&story->cluster, node, OLD, "");
    }
    sim_joins_begin(&story->cluster.joins);
    cluster_settle(&story->cluster);
}

static struct answer put(struct story *story, uint32_t node, const char *key,
                         const struct answer *token)
{
    char value[32];
    snprintf(value, sizeof(value), "value %u", ++story->puts);
    return cluster_put(&story->cluster, node, key, value, token);
}

static void assert_last_put(struct story *story, const struct answer *seen)
{
    char value[32];
    snprintf(value, sizeof(value), "value %u", story->puts);
    assert_values(seen, value, NULL);
}

static struct answer make_token(struct story *story, uint32_t node, const char *key)
{
    assert_int_equal(put(story, node, key, NULL).code, 0);
    struct answer token = cluster_get(&story->cluster, node, key);
    assert_last_put(story, &token);
    return token;
}

static void fill_purse(struct story *story)
{
    for (uint32_t i = 0; i < TOKENS_MAX; i++) {
        char key[32];
        snprintf(key, sizeof(key), "purse%u", i);
        story->tokens[i] = make_token(story, i % NODES, key);
    }
}

static void use(struct story *story, uint32_t node, const char *key, const struct answer *token)
{
    struct answer written = put(story, node, key, token);
    if (written.code != 0) {
        fail_msg("node%u refuses the token of %s: %s", node, key, written.text);
    }
    struct answer now = cluster_get(&story->cluster, node, key);
    assert_last_put(story, &now);
}

static void use_old_token(struct story *story, uint32_t node)
{
    char key[32];
    assert_true(story->spent < TOKENS_MAX);
    snprintf(key, sizeof(key), "purse%u", story->spent);
    use(story, node, key, &story->tokens[story->spent]);
    story->spent++;
}

static void use_fresh_token(struct story *story, uint32_t from, uint32_t to)
{
    char key[32];
    snprintf(key, sizeof(key), "from%u to%u", from, to);
    struct answer token = make_token(story, from, key);
    use(story, to, key, &token);
}

/* Somebody who knows how tokens are made, but not what with. */
static struct answer forge(struct dot dot, const char *guess)
{
    struct token_keys keys = {0};
    if (guess[0] != 0) {
        struct crypto_key secret;
        crypto_key_from(&secret, bytes_from_string(guess));
        crypto_derive(&keys.current, &secret, "token");
    }
    struct version_vector context = {.entries = &dot, .count = 1};
    struct answer forged = {0};
    struct buffer token;
    buffer_init(&token, 0);
    assert_int_equal(token_encode(&keys, bytes_from_string("precious"), context, &token), 0);
    memcpy(forged.token, token.data, token.len);
    forged.token_len = token.len;
    buffer_deinit(&token);
    return forged;
}

static void try_forged_tokens(struct story *story, uint32_t node)
{
    static const char *const guesses[] = {"", "the secret", "another secret altogether"};
    assert_int_equal(put(story, node, "precious", NULL).code, 0);
    struct dot dot = cluster_last_dot(&story->cluster, "precious");
    for (uint32_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
        struct answer forged = forge(dot, guesses[i]);
        struct answer refused = cluster_delete(&story->cluster, node, "precious", &forged);
        assert_int_equal(refused.code, SHOAL_ECONTEXT);
    }
    struct answer still = cluster_get(&story->cluster, node, "precious");
    assert_last_put(story, &still);
}

/* Every client may talk to every node, whatever that has been restarted with so far. */
static void all_goes_on(struct story *story)
{
    for (uint32_t node = 0; node < NODES; node++) {
        if (cluster_node(&story->cluster, node)->state != SIM_UP) {
            continue;
        }
        use_old_token(story, node);
        try_forged_tokens(story, node);
        for (uint32_t to = 0; to < NODES; to++) {
            if (cluster_node(&story->cluster, to)->state == SIM_UP) {
                use_fresh_token(story, node, to);
            }
        }
    }
}

/* One node after the other, as an operator does it. */
static void rolling_restart(struct story *story, const char *secret, const char *previous)
{
    for (uint32_t node = 0; node < NODES; node++) {
        cluster_stop(&story->cluster, node);
        all_goes_on(story);
        configure(&story->cluster, node, secret, previous);
        cluster_start(&story->cluster, node);
        cluster_settle(&story->cluster);
        all_goes_on(story);
    }
}

/* ---- scenarios ---- */

static void a_cluster_secret_rotated(void **state)
{
    (void)state;
    static struct story story; /* too large for the stack */
    story_open(&story);
    fill_purse(&story);
    all_goes_on(&story);
    rolling_restart(&story, OLD, NEW);
    rolling_restart(&story, NEW, OLD);
    rolling_restart(&story, NEW, "");
    cluster_close(&story.cluster);
}

static void restart_all(struct story *story, const char *secret, const char *previous)
{
    for (uint32_t node = 0; node < NODES; node++) {
        sim_node_crash(cluster_node(&story->cluster, node), SIM_EXIT_KILL);
    }
    for (uint32_t node = 0; node < NODES; node++) {
        configure(&story->cluster, node, secret, previous);
        cluster_start(&story->cluster, node);
    }
    cluster_settle(&story->cluster);
}

static void a_secret_changed_on_all_nodes_at_once_is_remembered_by_each(void **state)
{
    (void)state;
    static struct story story;
    story_open(&story);
    fill_purse(&story);
    for (uint32_t i = 0; i < 2; i++) { /* the second restart changes nothing */
        restart_all(&story, NEW, "");
        all_goes_on(&story);
    }
    cluster_close(&story.cluster);
}

static void a_secret_that_has_leaked_is_refused_once_two_others_are_named(void **state)
{
    (void)state;
    static struct story story;
    story_open(&story);
    struct answer token = make_token(&story, 0, "key");
    restart_all(&story, NEW, "nobody has ever used this one");
    for (uint32_t node = 0; node < NODES; node++) {
        assert_int_equal(put(&story, node, "key", &token).code, SHOAL_ECONTEXT);
    }
    cluster_close(&story.cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_secret_rotated),
        cmocka_unit_test(a_secret_changed_on_all_nodes_at_once_is_remembered_by_each),
        cmocka_unit_test(a_secret_that_has_leaked_is_refused_once_two_others_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
