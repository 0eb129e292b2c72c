/* The admin page (src/page), and /openapi.yaml: files that the server carries, compressed when it
 * was built.
 *
 * The page may do no more than it must: scripts, styles and pictures of this node, questions to
 * this node, and nothing written in the page itself is run. Whatever somebody names a key, it stays
 * text. Its script and style have their hash in their name and are kept by browsers; the page that
 * names them is asked for each time, which costs a 304. So an update of the server is seen at once,
 * and parts of two versions never meet. */
#include <stdio.h>

#include "api/http/exchange.h"
#include "api/http/page_files.h"

#define TAG_BYTES_MAX 32u

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "img-src 'self'; connect-src 'self'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";

static const struct page_file *file_find(struct bytes path)
{
    for (uint32_t i = 0; i < page_files_count; i++) {
        if (bytes_equal(path, bytes_from_string(page_files[i].path))) {
            return &page_files[i];
        }
    }
    return NULL;
}

static void add_fields(struct http_exchange *exchange, const struct page_file *file)
{
    http_add(exchange, "Cache-Control",
             file->is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
    http_add(exchange, "Content-Security-Policy", "%s", policy);
    http_add(exchange, "X-Content-Type-Options", "nosniff");
    http_add(exchange, "Referrer-Policy", "no-referrer");
    http_add(exchange, "X-Frame-Options", "DENY");
    http_add(exchange, "Cross-Origin-Opener-Policy", "same-origin");
    http_add(exchange, "Vary", "Accept-Encoding");
}

/* The two forms of a file have tags of their own, as strong ones must. */
static void file_serve(struct http_exchange *exchange)
{
    const struct page_file *file = file_find(exchange->path);
    if (file == NULL) {
        http_fail(exchange, 404, "there is no such page");
        return;
    }
    bool gzipped = http_accepts_gzip(exchange);
    char tag[TAG_BYTES_MAX];
    (void)snprintf(tag, sizeof(tag), "%.*s%s", (int)strlen(file->tag) - 1, file->tag,
                   gzipped ? "-gzip\"" : "\"");
    if (http_wants_other(exchange, bytes_from_string(tag))) {
        /* Before the fields: a cache must not keep this in the file's place. */
        http_fail(exchange, 412, "this is not the version that If-Match names");
        return;
    }
    add_fields(exchange, file);
    http_add(exchange, "ETag", "%s", tag);
    if (http_has(exchange, bytes_from_string(tag))) {
        http_answer(exchange, 304, NULL, (struct bytes){0});
        return;
    }
    if (gzipped) {
        http_add(exchange, "Content-Encoding", "gzip");
    }
    http_answer(exchange, 200, file->type, gzipped ? file->gzipped : file->plain);
}

static const struct http_route routes[] = {
    {.methods = HTTP_GET, .pattern = "/", .handle = file_serve, .verbatim = true},
    {.methods = HTTP_GET, .pattern = "/page/*", .handle = file_serve, .verbatim = true},
    {.methods = HTTP_GET, .pattern = "/openapi.yaml", .handle = file_serve, .verbatim = true},
};

const struct http_table http_page_table = {
    .routes = routes,
    .count = sizeof(routes) / sizeof(routes[0]),
};
