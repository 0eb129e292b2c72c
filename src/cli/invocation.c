/* Parsing by getopt_long, in two passes: up to the command with the flags that all commands take,
 * then the rest with the command's own, which may stand between and behind its arguments. */
#include "cli/invocation.h"

#include <getopt.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "shoal/error.h"

#define FLAGS_MAX 64u

/* The flags of some groups as getopt_long wants them. */
struct grammar {
    const struct flag *flags[FLAGS_MAX];
    struct option options[FLAGS_MAX + 1];
    char letters[2 * FLAGS_MAX + 3];
    uint32_t count;
};

static void grammar_init(struct grammar *grammar, uint32_t groups, bool stop_at_argument)
{
    *grammar = (struct grammar){0};
    char *letter = grammar->letters;
    if (stop_at_argument) {
        *letter++ = '+';
    }
    *letter++ = ':';
    for (size_t i = 0; i < flag_count && grammar->count < FLAGS_MAX; i++) {
        const struct flag *flag = &flags[i];
        if ((flag->group & groups) == 0) {
            continue;
        }
        bool takes = flag->kind != FLAG_SWITCH;
        grammar->flags[grammar->count] = flag;
        grammar->options[grammar->count++] = (struct option){
            .name = flag->name,
            .has_arg = takes ? required_argument : no_argument,
        };
        if (flag->letter != 0) {
            *letter++ = flag->letter;
            if (takes) {
                *letter++ = ':';
            }
        }
    }
}

static int complain_unknown(const struct grammar *grammar, const char *given,
                            char why[INVOCATION_WHY_BYTES])
{
    const char *names[FLAGS_MAX + 1] = {0};
    for (uint32_t i = 0; i < grammar->count; i++) {
        names[i] = grammar->flags[i]->name;
    }
    char name[64];
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(given, "="), given);
    const char *nearest = strlen(name) < 2 ? NULL : text_nearest(name + strspn(name, "-"), names);
    if (nearest != NULL) {
        (void)snprintf(why, INVOCATION_WHY_BYTES, "unknown flag %s: did you mean --%s?", name,
                       nearest);
    } else {
        (void)snprintf(why, INVOCATION_WHY_BYTES,
                       "unknown flag %s: see --help (what begins with - and is no flag stands "
                       "behind --)",
                       name);
    }
    return SHOAL_EINVAL;
}

static const struct flag *flag_of_letter(const struct grammar *grammar, int letter)
{
    for (uint32_t i = 0; i < grammar->count; i++) {
        if (grammar->flags[i]->letter == letter) {
            return grammar->flags[i];
        }
    }
    return NULL;
}

/* Parses until the grammar ends it; optind is where. */
static int pass(const struct grammar *grammar, int argc, char **argv, struct invocation *invocation,
                char why[INVOCATION_WHY_BYTES])
{
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    for (;;) {
        int index = -1;
        int letter = getopt_long(argc, argv, grammar->letters, grammar->options, &index);
        if (letter == -1) {
            return 0;
        }
        if (letter == ':') {
            (void)snprintf(why, INVOCATION_WHY_BYTES, "%s needs a value", argv[optind - 1]);
            return SHOAL_EINVAL;
        }
        if (letter == '?') {
            char given[] = {'-', (char)optopt, '\0'};
            return complain_unknown(grammar, optopt != 0 ? given : argv[optind - 1], why);
        }
        const struct flag *flag =
            letter == 0 ? grammar->flags[index] : flag_of_letter(grammar, letter);
        int error = flag_set(flag, optarg, invocation, why);
        if (error != 0) {
            return error;
        }
    }
}

static int find_command(const char *name, struct invocation *invocation,
                        char why[INVOCATION_WHY_BYTES])
{
    invocation->command = command_find(name);
    if (invocation->command != NULL) {
        return 0;
    }
    const char *nearest = command_nearest(name);
    if (nearest != NULL) {
        (void)snprintf(why, INVOCATION_WHY_BYTES, "unknown command %.64s: did you mean %s?", name,
                       nearest);
    } else {
        (void)snprintf(why, INVOCATION_WHY_BYTES,
                       "unknown command %.64s: shoal --help lists what there is", name);
    }
    return SHOAL_EINVAL;
}

static int check_arguments(const struct invocation *invocation, char why[INVOCATION_WHY_BYTES])
{
    const struct command *command = invocation->command;
    uint32_t count = invocation->argument_count;
    if (invocation->help || (count >= command->arguments_min && count <= command->arguments_max)) {
        return 0;
    }
    const char *fault = count < command->arguments_min ? "too few arguments" : "too many arguments";
    (void)snprintf(why, INVOCATION_WHY_BYTES, "%s: %s: shoal %s %s", command->name, fault,
                   command->name, command->arguments);
    return SHOAL_EINVAL;
}

int invocation_parse(int argc, char **argv, struct invocation *out, char why[INVOCATION_WHY_BYTES])
{
    struct grammar grammar;
    struct invocation made = {0};
    grammar_init(&grammar, FLAGS_COMMON, true);
    int error = pass(&grammar, argc, argv, &made, why);
    int at = optind;
    if (error == 0 && at >= argc && !made.help && !made.version) {
        (void)snprintf(why, INVOCATION_WHY_BYTES, "no command given: shoal --help lists them");
        return SHOAL_EINVAL;
    }
    if (error == 0 && at < argc) {
        error = find_command(argv[at], &made, why);
    }
    if (error == 0 && made.command != NULL) {
        grammar_init(&grammar, FLAGS_COMMON | made.command->groups, false);
        error = pass(&grammar, argc - at, argv + at, &made, why);
        made.arguments = argv + at + optind;
        made.argument_count = (uint32_t)(argc - at - optind);
    }
    if (error == 0 && made.command != NULL) {
        error = check_arguments(&made, why);
    }
    if (error == 0) {
        *out = made;
    }
    return error;
}

/* ---- help ------------------------------------------------------------------------------------ */

static void print_flags(uint32_t groups, FILE *out)
{
    for (size_t i = 0; i < flag_count; i++) {
        const struct flag *flag = &flags[i];
        if ((flag->group & groups) == 0) {
            continue;
        }
        char left[64];
        (void)snprintf(left, sizeof(left), "%c%c%s --%s%s%s", flag->letter != 0 ? '-' : ' ',
                       flag->letter != 0 ? flag->letter : ' ', flag->letter != 0 ? "," : " ",
                       flag->name, flag->argument != NULL ? " " : "",
                       flag->argument != NULL ? flag->argument : "");
        (void)fprintf(out, "  %-39s %s\n", left, flag->help);
    }
}

void invocation_print_help(const struct command *command, FILE *out)
{
    if (command != NULL) {
        (void)fprintf(out, "shoal %s%s%s\n\n%s.%s%s\n\n", command->name,
                      command->arguments[0] != '\0' ? " " : "", command->arguments, command->help,
                      command->more != NULL ? "\n" : "",
                      command->more != NULL ? command->more : "");
        print_flags(command->groups, out);
        print_flags(FLAGS_COMMON, out);
        return;
    }
    (void)fprintf(out, "shoal COMMAND [FLAGS]: the command line of Shoal.\n\n");
    for (const struct command *at = commands; at->name != NULL; at++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "%s %s", at->name, at->arguments);
        (void)fprintf(out, "  %-27s %s\n", left, at->help);
    }
    (void)fprintf(out, "\nFlags of every command (shoal COMMAND --help lists its own):\n");
    print_flags(FLAGS_COMMON, out);
    (void)fprintf(out,
                  "\nExit status: 0 done; 1 no such key; 2 usage or bad input; 3 can't connect;\n"
                  "4 not applied (quorum not met, overloaded); 5 context refused;\n"
                  "6 not permitted; 7 outcome unknown; 8 not identical.\n"
                  "\nTRACEPARENT in the environment (W3C Trace Context) is what the requests are\n"
                  "done for: its id is in the nodes' logs.\n");
}
