/* The switch behind MUTANT(): which of the table is on, by name. Compiled into builds with
 * -Dmutants=true only; in all others this file is empty. */
#include "base/mutant.h"

#ifdef SHOAL_MUTANTS

#include "shoal/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTANT_NONE (-1)
#define MUTANT_NAME_BYTES 32u

int mutant_selected = MUTANT_NONE;

struct mutant_row {
    char name[MUTANT_NAME_BYTES];
    const char *text;
};

#define MUTANT_ROW(name, what) {#name, what},
static struct mutant_row rows[] = {MUTANT_TABLE(MUTANT_ROW)};
#undef MUTANT_ROW

const char *mutant_name(enum mutant mutant)
{
    return rows[mutant].name;
}

const char *mutant_text(enum mutant mutant)
{
    return rows[mutant].text;
}

/* Hyphens and underscores are alike. */
static bool names_equal(const char *a, const char *b)
{
    size_t i = 0;
    for (; a[i] != 0 && b[i] != 0; i++) {
        char x = a[i] == '_' ? '-' : a[i];
        char y = b[i] == '_' ? '-' : b[i];
        if (x != y) {
            return false;
        }
    }
    return a[i] == b[i];
}

int mutant_select(const char *name)
{
    if (name == NULL) {
        mutant_selected = MUTANT_NONE;
        return 0;
    }
    for (int i = 0; i < MUTANT_COUNT; i++) {
        if (names_equal(rows[i].name, name)) {
            mutant_selected = i;
            return 0;
        }
    }
    return SHOAL_EINVAL;
}

__attribute__((constructor)) static void mutant_init(void)
{
    for (int i = 0; i < MUTANT_COUNT; i++) {
        for (char *c = rows[i].name; *c != 0; c++) {
            *c = *c == '_' ? '-' : *c;
        }
    }
    const char *name = getenv("SHOAL_MUTANT");
    if (name == NULL || *name == 0 || mutant_select(name) == 0) {
        return;
    }
    fprintf(stderr, "SHOAL_MUTANT=%s: no such mutant. There are:\n", name);
    for (int i = 0; i < MUTANT_COUNT; i++) {
        fprintf(stderr, "  %-20s  %s\n", rows[i].name, rows[i].text);
    }
    exit(2);
}

#endif
