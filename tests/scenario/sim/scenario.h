/* What every scenario file includes: the fixture and cmocka with what it wants before it. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "cluster.h"
#include "shoal/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#endif
