/* The cluster's secret as this node holds it: the current one, which tokens are made with, and the
 * one before it, which is accepted too, so that a secret can be changed while clients hold tokens
 * under the old one. Either both come from the operator's file, or the one before is what the
 * node's own record remembers. A number of generations without end (as in web frameworks' key
 * rings) would keep a leaked secret good for ever; one is what a rolling restart needs. */
#include "base/log.h"
#include "base/mutant.h"
#include "model/token.h"
#include "node/steward_inside.h"

void steward_secret_make(struct steward *steward)
{
    struct worker *worker = steward->worker;
    for (size_t i = 0; i < CRYPTO_KEY_BYTES; i += sizeof(uint64_t)) {
        uint64_t part = random_u64(&worker->random);
        memcpy(steward->secret.bytes + i, &part, sizeof(part));
    }
    steward->has_previous_secret = false;
}

void steward_secret_choose(struct steward *steward)
{
    const struct node_config *config = steward->config;
    if (config->secret.len == 0) {
        return; /* the record's, or the one just made */
    }
    struct crypto_key current;
    crypto_key_from(&current, config->secret);
    bool changed = !crypto_equal(&current, &steward->secret, sizeof(current));
    if (config->secret_previous.len != 0) {
        crypto_key_from(&steward->secret_previous, config->secret_previous);
        steward->has_previous_secret = true;
    } else if (changed && steward->view != NULL) {
        steward->secret_previous = steward->secret;
        steward->has_previous_secret = true;
    }
    steward->secret = current;
    if (steward->has_previous_secret) {
        log_info("cluster secret: tokens made with another one are accepted too",
                 LOG_TEXT("which", config->secret_previous.len != 0
                                       ? "the secret file's second"
                                       : "the one before, as recorded"));
    }
}

void steward_secret_join(struct steward *steward, struct bytes handed)
{
    if (steward->config->secret.len == 0) {
        memcpy(steward->secret.bytes, handed.data, CRYPTO_KEY_BYTES);
    }
    /* What this node remembers of its own was never the secret of the cluster that it joins. */
    if (steward->config->secret_previous.len == 0) {
        steward->has_previous_secret = false;
    }
}

void steward_secret_token_keys(const struct steward *steward, struct token_keys *out)
{
    *out = (struct token_keys){.has_previous = steward->has_previous_secret && !MUTANT(one_secret)};
    crypto_derive(&out->current, &steward->secret, "token");
    if (out->has_previous) {
        crypto_derive(&out->previous, &steward->secret_previous, "token");
    }
}

static void secret_proof(const struct crypto_key *secret, uint64_t cluster,
                         uint8_t out[CRYPTO_MAC_BYTES])
{
    struct crypto_key key;
    crypto_derive(&key, secret, "admit");
    struct bytes part = bytes_make(&cluster, sizeof(cluster));
    crypto_mac(out, &key, &part, 1);
}

struct bytes steward_secret_show(const struct steward *steward, uint64_t cluster,
                                 struct arena *arena)
{
    if (steward->config->secret.len == 0) {
        return bytes_make(steward->secret.bytes, sizeof(steward->secret.bytes));
    }
    uint8_t *proof = arena_alloc(arena, CRYPTO_MAC_BYTES);
    if (proof == NULL) {
        return (struct bytes){0};
    }
    secret_proof(&steward->secret, cluster, proof);
    return bytes_make(proof, CRYPTO_MAC_BYTES);
}

static bool secret_proves(const struct crypto_key *secret, uint64_t cluster, struct bytes shown)
{
    uint8_t proof[CRYPTO_MAC_BYTES];
    secret_proof(secret, cluster, proof);
    return crypto_equal(proof, shown.data, CRYPTO_MAC_BYTES);
}

bool steward_secret_fits(const struct steward *steward, uint64_t cluster, struct bytes shown)
{
    if (steward->config->secret.len == 0) {
        return shown.len == CRYPTO_KEY_BYTES;
    }
    if (shown.len != CRYPTO_MAC_BYTES) {
        return false;
    }
    return secret_proves(&steward->secret, cluster, shown) ||
           (steward->config->secret_previous.len != 0 &&
            secret_proves(&steward->secret_previous, cluster, shown));
}
