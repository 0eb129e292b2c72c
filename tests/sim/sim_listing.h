/* A client's list over all its pages, judged as a whole: a key that holds an acknowledged put and
 * was never deleted must be in it, one whose acknowledged delete replaced everything must not. */
#ifndef SIM_LISTING_H
#define SIM_LISTING_H

#include "sim_clients.h"

/* Fills in and submits the first page. */
void sim_listing_begin(struct sim_client *client, struct sim_ask *ask);

/* Called at the end, whatever it was. */
void sim_client_listed(struct sim_client *client);

#endif
