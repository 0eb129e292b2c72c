/* The cluster's secret, from a file: what context tokens are made with, the same on every node. The
 * first line with text is the secret; a second one, if there is one, is another that is accepted
 * too, so that the secret can be changed node by node (docs/configuration.md says how). */
#ifndef SERVER_SECRET_H
#define SERVER_SECRET_H

#include "base/buffer.h"

#define SECRET_BYTES_MIN 16u

struct secrets {
    struct buffer current;
    struct buffer previous; /* empty: the file names none */
};

void secrets_init(struct secrets *secrets);
void secrets_deinit(struct secrets *secrets);

/* Fills in what secrets_init made: the lines without the white space around them. 0, or
 * SHOAL_EINVAL (unreadable, none, too short, too many, not text) and a text that names file and
 * line; SHOAL_ENOMEM. After an error they are to be deinitialised only. */
int secrets_load(const char *path, struct secrets *out, char text[512]);

#endif
