/* The table of keys, and how a value gets from a text or a piece of JSON into the configuration.
 * Private to the config_*.c files. */
#ifndef SERVER_CONFIG_KEYS_H
#define SERVER_CONFIG_KEYS_H

#include <jansson.h>

#include "server/config.h"

enum config_type {
    CONFIG_TEXT,      /* char[size] */
    CONFIG_NUMBER,    /* uint64_t within [min, max] */
    CONFIG_POWER,     /* the same, and a power of two */
    CONFIG_DURATION,  /* uint64_t microseconds within [min, max]; a bare number is milliseconds */
    CONFIG_REAL,      /* double within [min, max] */
    CONFIG_BOOL,      /* bool */
    CONFIG_PORT,      /* int32_t; null or empty is CONFIG_PORT_NONE */
    CONFIG_CHOICE,    /* int32_t, an index into choices */
    CONFIG_ADDRESSES, /* struct config_addresses */
    CONFIG_ORIGINS,   /* char[size], comma-separated: origins of pages, or "*" alone */
};

struct config_key {
    const char *section; /* "" at the top level */
    const char *name;
    enum config_type type;
    size_t offset; /* in struct config */
    size_t size;   /* of a text, its NUL included */
    uint64_t min;
    uint64_t max;
    const char *const *choices; /* ended by NULL */
    const char *variable;       /* the general one that counts where the file is silent, or NULL */
    const char *expected;       /* what would be right, to follow "expected is" */
    bool changeable;            /* by SIGHUP */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* "quorum.r", "workers" */
void config_key_path(const struct config_key *key, char out[64]);
/* "SHOAL_QUORUM_R", "SHOAL_WORKERS" */
void config_key_variable(const struct config_key *key, char out[64]);
/* NULL when there is none. */
const struct config_key *config_key_find(const char *section, const char *name);
bool config_section_exists(const char *section);

/* 0, or SHOAL_EINVAL: the value is not what the key expects, and nothing is changed. */
int config_set_json(struct config *config, const struct config_key *key, const json_t *value);
int config_set_text(struct config *config, const struct config_key *key, const char *text);

bool config_key_equal(const struct config_key *key, const struct config *a, const struct config *b);

#endif
