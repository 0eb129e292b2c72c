/* See endpoint.h. */
#include "server/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "shoal/error.h"

#define SCHEME "http://"
#define PORT_DEFAULT 4318u
#define PATH_DEFAULT "/v1/traces"

/* As it goes into a request line. */
static bool is_path(const char *path)
{
    for (; *path != 0; path++) {
        if (*path <= ' ' || *path > '~' || *path == '#') {
            return false;
        }
    }
    return true;
}

int endpoint_parse(const char *text, struct endpoint *out)
{
    struct endpoint endpoint = {0};
    size_t scheme = strlen(SCHEME);
    if (strlen(text) >= ENDPOINT_BYTES || strncmp(text, SCHEME, scheme) != 0) {
        return SHOAL_EINVAL;
    }
    const char *authority = text + scheme;
    size_t len = strcspn(authority, "/?");
    memcpy(endpoint.authority, authority, len);
    if (strchr(endpoint.authority, '@') != NULL ||
        text_parse_address(endpoint.authority, PORT_DEFAULT, endpoint.host, &endpoint.port) != 0 ||
        !text_is_host(endpoint.host) || !is_path(authority + len) || authority[len] == '?') {
        return SHOAL_EINVAL;
    }
    bool none = authority[len] == 0 || strcmp(authority + len, "/") == 0;
    snprintf(endpoint.path, sizeof(endpoint.path), "%s", none ? PATH_DEFAULT : authority + len);
    *out = endpoint;
    return 0;
}
