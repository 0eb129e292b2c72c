/* The address of a collector: http://HOST[:PORT][/PATH]. */
#ifndef SERVER_ENDPOINT_H
#define SERVER_ENDPOINT_H

#include "base/limits.h"

#include <stdint.h>

#define ENDPOINT_BYTES 512u

struct endpoint {
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;                  /* 4318 where none is given */
    char path[ENDPOINT_BYTES];      /* "/v1/traces" where none is given */
    char authority[ENDPOINT_BYTES]; /* for the Host field */
};

/* 0 or SHOAL_EINVAL. */
int endpoint_parse(const char *text, struct endpoint *out);

#endif
