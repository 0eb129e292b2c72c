/* The surface as a whole: its desks, its metrics, its birth and end. */
#include "api/http.h"

#include "api/http/desk.h"
#include "base/memory.h"
#include "shoal/error.h"

int http_declare_metrics(struct metrics *metrics, struct http_metrics *ids)
{
    return served_declare_metrics(metrics, SURFACE_HTTP, &ids->served);
}

int http_new(const struct http_options *options, struct http **out)
{
    struct http *http =
        mem_alloc_zeroed(1, sizeof(*http) + options->workers * sizeof(struct http_desk));
    if (http == NULL) {
        return SHOAL_ENOMEM;
    }
    http->options = *options;
    http->cors.origins = options->settings.cors_origins;
    http_change(http, &options->settings);
    for (uint32_t i = 0; i < options->workers; i++) {
        struct http_desk *desk = &http->desks[i];
        desk->http = http;
        queue_init(&desk->sessions);
        queue_init(&desk->calls);
        queue_init(&desk->free_calls);
    }
    *out = http;
    return 0;
}

const struct http_options *http_options(const struct http *http)
{
    return &http->options;
}

void http_change(struct http *http, const struct http_settings *settings)
{
    atomic_store(&http->body_bytes_max, settings->body_bytes_max);
    atomic_store(&http->head_bytes_max, settings->head_bytes_max);
    atomic_store(&http->idle_us, settings->idle_us);
    atomic_store(&http->request_us, settings->request_us);
}

void http_free(struct http *http)
{
    if (http == NULL) {
        return;
    }
    for (uint32_t i = 0; i < http->options.workers; i++) {
        http_calls_free(&http->desks[i]);
        http_sessions_free(&http->desks[i]);
    }
    mem_free(http);
}
