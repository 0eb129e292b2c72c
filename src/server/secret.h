/* The cluster's secret, from a file: what context tokens are made with, the same on every node. */
#ifndef SERVER_SECRET_H
#define SERVER_SECRET_H

#include "base/buffer.h"

#define SECRET_BYTES_MIN 16u

/* Appends the file's content without the white space around it: 0, or SHOAL_EINVAL (unreadable, too
 * short, too long) and a text; SHOAL_ENOMEM. */
int secret_load(const char *path, struct buffer *out, char text[512]);

#endif
