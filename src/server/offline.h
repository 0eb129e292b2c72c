/* Tools for a data_dir that no node uses: reading everything and saying what is damaged, and
 * rewriting it without what is dead. They print to the two files and return the exit status. */
#ifndef SERVER_OFFLINE_H
#define SERVER_OFFLINE_H

#include <stdio.h>

enum {
    OFFLINE_FINE = 0,
    OFFLINE_CAN_NOT = 1, /* in use, not there, of a newer version, a disk that fails */
    OFFLINE_DAMAGED = 8,
};

/* A line for each damaged place, then a summary. Changes nothing. */
int offline_verify(const char *data_dir, FILE *out, FILE *err);

/* Says what it took before and after. */
int offline_compact(const char *data_dir, FILE *out, FILE *err);

#endif
