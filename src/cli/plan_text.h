/* What a change moves, as people read it and as JSON. */
#ifndef CLI_PLAN_TEXT_H
#define CLI_PLAN_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "shoal/cluster.h"

/* The whole plan: a table of the nodes, and below it what the change is worth and what it costs. */
void plan_print(const struct shoal_plan *plan, FILE *out);

/* "layout 3 -> 4: 192 of 768 copies move, about 1.2 GiB". */
#define PLAN_SUMMARY_BYTES 256u
void plan_summary(const struct shoal_plan *plan, char out[PLAN_SUMMARY_BYTES]);

/* A new reference; NULL when there is no memory. */
json_t *json_of_plan(const struct shoal_plan *plan);

#endif
