/* What a change of membership moves, as `cluster plan --json` and /v1/plan show it. */
#ifndef REPORT_PLAN_JSON_H
#define REPORT_PLAN_JSON_H

#include <jansson.h>

#include "shoal/cluster.h"

/* A new reference; NULL when there is no memory. */
json_t *json_of_plan(const struct shoal_plan *plan);

#endif
