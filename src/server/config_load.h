/* A configuration while it is being put together: where each value came from, and what is wrong so
 * far. Private to the config_*.c files. */
#ifndef SERVER_CONFIG_LOAD_H
#define SERVER_CONFIG_LOAD_H

#include "server/config_keys.h"

#define CONFIG_KEYS_MAX 64u

enum config_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_GENERAL_VARIABLE };

struct config_load {
    const char *path;  /* of the file; NULL: none */
    struct bytes text; /* its content */
    struct config config;
    enum config_origin origins[CONFIG_KEYS_MAX]; /* by place in config_keys */
    uint32_t lines[CONFIG_KEYS_MAX];             /* in the file; 0: not there */
    struct buffer *problems;
    uint32_t problem_count;
    int error; /* SHOAL_ENOMEM once something couldn't be appended */
};

/* One problem, as "where: what". `key` may be NULL; then `line` (0: none) says where in the file.
 */
void config_problem(struct config_load *load, const struct config_key *key, uint32_t line,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

enum config_origin config_origin_of(const struct config_load *load, const struct config_key *key);
void config_set_origin(struct config_load *load, const struct config_key *key,
                       enum config_origin origin);

void config_read_file(struct config_load *load);
void config_read_environment(struct config_load *load, const char *const *environment);
void config_check(struct config_load *load);

#endif
