/* Compressing answers (zlib): whole ones at once, long ones piece by piece. */
#ifndef API_HTTP_GZIP_H
#define API_HTTP_GZIP_H

#include "base/buffer.h"

/* Shorter bodies are not worth it; longer ones would hold up everybody else of the worker. */
#define HTTP_GZIP_BYTES_MIN 1024u
#define HTTP_GZIP_BYTES_MAX (4u * 1024u * 1024u)

/* Is a body of this type (a Content-Type's value; NULL: none) text? */
bool http_gzip_suits(const char *type);

/* Appends the bytes compressed: 0, SHOAL_ENOMEM. */
int http_gzip_whole(struct bytes bytes, struct buffer *out);

/* A body as it is written; about 270 KB each. */
struct http_gzip;
struct http_gzip *http_gzip_new(void); /* NULL without memory */
void http_gzip_free(struct http_gzip *gzip);
/* Appends what has become of the bytes so far, which may be nothing; `end`: all of the rest. 0 or
 * SHOAL_ENOMEM. */
int http_gzip_write(struct http_gzip *gzip, struct bytes bytes, bool end, struct buffer *out);

#endif
