/* The environment: SHOAL_<SECTION>_<KEY> over the file; general variables (HOSTNAME, PORT_HTTP,
 * PORT_TCP, ENV) where the file is silent. A misspelt SHOAL_... variable is a problem like a
 * misspelt key. Kubernetes, however, sets variables named after services by itself (for one called
 * "shoal": SHOAL_SERVICE_HOST, SHOAL_PORT_3001_TCP_ADDR): those are passed over. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/config_load.h"

#define PREFIX "SHOAL_"

static const char *find_variable(const char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *at = environment; *at != NULL; at++) {
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=') {
            return *at + len + 1;
        }
    }
    return NULL;
}

static void take(struct config_load *load, const struct config_key *key, const char *name,
                 const char *value, enum config_origin origin)
{
    const char *file = load->path;
    config_set_origin(load, key, origin);
    if (config_set_text(&load->config, key, value) != 0) {
        char path[64];
        config_key_path(key, path);
        load->path = NULL; /* it is not about the file */
        config_problem(load, NULL, 0, "%s is \"%.80s\" for %s: expected is %s", name, value, path,
                       key->expected);
        load->path = file;
    }
}

static void read_key(struct config_load *load, const struct config_key *key,
                     const char *const *environment)
{
    char variable[64];
    config_key_variable(key, variable);
    const char *value = find_variable(environment, variable);
    if (value != NULL) {
        take(load, key, variable, value, ORIGIN_ENVIRONMENT);
        return;
    }
    if (key->variable == NULL || config_origin_of(load, key) != ORIGIN_DEFAULT) {
        return;
    }
    value = find_variable(environment, key->variable);
    if (value != NULL && value[0] != 0) {
        take(load, key, key->variable, value, ORIGIN_GENERAL_VARIABLE);
    }
}

/* ENV=production asks for logs that machines read. */
static void read_env(struct config_load *load, const char *const *environment)
{
    const struct config_key *format = config_key_find("log", "format");
    const char *value = find_variable(environment, "ENV");
    if (value != NULL && strcmp(value, "production") == 0 &&
        config_origin_of(load, format) == ORIGIN_DEFAULT) {
        load->config.log_format = LOG_FORMAT_JSON;
    }
}

/* ---- misspelt ones --------------------------------------------------------------------------- */

static bool is_known(const char *name)
{
    for (size_t i = 0; i < config_key_count; i++) {
        char variable[64];
        config_key_variable(&config_keys[i], variable);
        if (strcmp(variable, name) == 0) {
            return true;
        }
    }
    return strcmp(name, "SHOAL_HOSTS") == 0; /* the command line's */
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name);
    return len > strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

/* What Kubernetes may have set. A port's name that is nearly that of a key is a slip all the same.
 */
static bool is_of_kubernetes(const char *name, const char *nearest)
{
    if (nearest != NULL && ends_with(nearest, "_PORT") && ends_with(name, "_PORT")) {
        return false;
    }
    return strstr(name, "_SERVICE_HOST") != NULL || strstr(name, "_SERVICE_PORT") != NULL ||
           strstr(name, "_TCP_") != NULL || ends_with(name, "_PORT") || ends_with(name, "_TCP");
}

static bool in_known_section(const char *name)
{
    for (size_t i = 0; i < config_key_count; i++) {
        char variable[64];
        config_key_variable(&config_keys[i], variable);
        size_t len = strlen(PREFIX) + strlen(config_keys[i].section);
        if (config_keys[i].section[0] != 0 && strncmp(name, variable, len) == 0 &&
            name[len] == '_') {
            return true;
        }
    }
    return false;
}

static void check_name(struct config_load *load, const char *name)
{
    char variables[CONFIG_KEYS_MAX][64];
    const char *names[CONFIG_KEYS_MAX + 1] = {NULL};
    if (is_known(name)) {
        return;
    }
    for (size_t i = 0; i < config_key_count; i++) {
        config_key_variable(&config_keys[i], variables[i]);
        names[i] = variables[i] + strlen(PREFIX);
    }
    const char *nearest = text_nearest(name + strlen(PREFIX), names);
    if (is_of_kubernetes(name, nearest)) {
        return;
    }
    if (nearest != NULL) {
        config_problem(load, NULL, 0, "unknown variable %.80s: did you mean " PREFIX "%s?", name,
                       nearest);
    } else if (in_known_section(name)) {
        config_problem(load, NULL, 0, "unknown variable %.80s", name);
    }
}

void config_read_environment(struct config_load *load, const char *const *environment)
{
    for (size_t i = 0; i < config_key_count; i++) {
        read_key(load, &config_keys[i], environment);
    }
    read_env(load, environment);
    const char *path = load->path;
    load->path = NULL; /* what follows is not about the file */
    for (const char *const *at = environment; *at != NULL; at++) {
        char name[128];
        size_t len = strcspn(*at, "=");
        if (strncmp(*at, PREFIX, strlen(PREFIX)) == 0 && len < sizeof(name)) {
            memcpy(name, *at, len);
            name[len] = 0;
            check_name(load, name);
        }
    }
    load->path = path;
}
