/* shoal-server: the command line, the signals, and the exit status (0 done, 1 could not run, 2
 * wrong usage or configuration, 8 damage found by --verify-data). */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/text.h"
#include "server/offline.h"
#include "server/secret.h"
#include "server/server.h"
#include "shoal/error.h"

#define STOP_PATIENCE_MS 5000
#define EXIT_USAGE 2

/* The C library looks for it, so it must be seen. */
__attribute__((visibility("default"))) const char *argp_program_version =
    "shoal-server " SHOAL_VERSION;

struct arguments {
    const char *config_path;
    bool check_only;
    const char *verify_dir;
    const char *compact_dir;
};

enum { OPTION_CHECK = 256, OPTION_VERIFY, OPTION_COMPACT };

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "The node's configuration (JSON); see docs/configuration.md", 0},
    {"config-path", 0, NULL, OPTION_ALIAS, NULL, 0},
    {"check-config", OPTION_CHECK, NULL, 0, "Say whether the configuration is valid, and exit", 0},
    {"verify-data", OPTION_VERIFY, "DIR", 0,
     "Read all of a data_dir (or backup) that no node uses, say what is damaged, and exit: with 0 "
     "if all is fine, 8 if not",
     0},
    {"compact", OPTION_COMPACT, "DIR", 0,
     "Rewrite a data_dir that no node uses without what is dead, and exit", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'c':
        arguments->config_path = value;
        return 0;
    case OPTION_CHECK:
        arguments->check_only = true;
        return 0;
    case OPTION_VERIFY:
        arguments->verify_dir = value;
        return 0;
    case OPTION_COMPACT:
        arguments->compact_dir = value;
        return 0;
    case ARGP_KEY_END:
        if ((arguments->verify_dir != NULL) + (arguments->compact_dir != NULL) +
                (arguments->config_path != NULL || arguments->check_only) >
            1) {
            argp_error(state, "--verify-data, --compact and --config are different things to do");
        }
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument \"%s\": the configuration is given by --config FILE",
                   value);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .doc = "A node of a Shoal cluster, a leaderless replicated key-value store."
           "\vSettings come from SHOAL_<SECTION>_<KEY> in the environment, then from the file. "
           "SIGTERM stops gracefully, SIGHUP reloads what docs/configuration.md marks as live.",
};

/* A long option that is none is refused here, as the parser would not name the nearest one. What is
 * cut short stays: the parser takes it where it can only mean one. */
static void check_flags(int count, char **values)
{
    static const char *const names[] = {"config",      "config-path", "check-config",
                                        "verify-data", "compact",     "help",
                                        "usage",       "version",     NULL};
    for (int i = 1; i < count && strcmp(values[i], "--") != 0; i++) {
        size_t len = strcspn(values[i], "=");
        bool known = strncmp(values[i], "--", 2) != 0;
        for (size_t j = 0; !known && names[j] != NULL; j++) {
            known = strncmp(names[j], values[i] + 2, len - 2) == 0;
        }
        if (!known) {
            char name[64];
            snprintf(name, sizeof(name), "%.*s", (int)len - 2, values[i] + 2);
            const char *nearest = text_nearest(name, names);
            fprintf(stderr,
                    nearest != NULL ? "shoal-server: unknown flag --%s: did you mean --%s?\n"
                                    : "shoal-server: unknown flag --%s: see --help\n",
                    name, nearest);
            exit(EXIT_USAGE);
        }
    }
}

/* ---- configuration --------------------------------------------------------------------------- */

/* Prints what is wrong: as lines for people at the start. */
static int load_config(const char *path, struct config *config)
{
    struct buffer problems;
    buffer_init(&problems, 0);
    int code = config_load(path, (const char *const *)environ, config, &problems);
    if (code != 0) {
        fprintf(stderr, "shoal-server: the configuration is not valid\n");
        fwrite(problems.data, 1, problems.len, stderr);
    }
    buffer_deinit(&problems);
    return code;
}

/* The configuration is valid: is the file that it names for secrets, too? Prints either. */
static int check_only(const struct config *config)
{
    struct secrets secrets;
    char text[512];
    int code = 0;
    secrets_init(&secrets);
    if (config->secret_file[0] != 0) {
        code = secrets_load(config->secret_file, &secrets, text);
    }
    if (code == 0) {
        printf("the configuration is valid\n");
    } else {
        fprintf(stderr, "shoal-server: the configuration is not valid\n%s\n", text);
    }
    secrets_deinit(&secrets);
    return code == 0 ? EXIT_SUCCESS : EXIT_USAGE;
}

static void reload(struct server *server, const char *path)
{
    struct config config;
    struct buffer problems;
    buffer_init(&problems, 0);
    if (config_load(path, (const char *const *)environ, &config, &problems) == 0) {
        server_reload(server, &config);
    } else {
        log_error("configuration: not reloaded, it is not valid",
                  LOG_BYTES("problems", buffer_bytes(&problems)));
    }
    buffer_deinit(&problems);
}

/* ---- signals --------------------------------------------------------------------------------- */

/* Blocked in all threads, and read from a descriptor instead. */
static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

/* The next signal; 0 when the server has ended, -1 when the time is over. */
static int wait_for_signal(struct server *server, int signal_fd, int timeout_ms)
{
    struct pollfd waits[] = {
        {.fd = signal_fd, .events = POLLIN},
        {.fd = server_ended_fd(server), .events = POLLIN},
    };
    int ready;
    do {
        ready = poll(waits, 2, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        return -1;
    }
    struct signalfd_siginfo info;
    if ((waits[0].revents & POLLIN) != 0 && read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
        return (int)info.ssi_signo;
    }
    return 0;
}

static void stop(struct server *server, int signal_fd)
{
    log_info("stopping: requests in flight are finished");
    server_stop(server);
    int signal_number;
    do {
        signal_number = wait_for_signal(server, signal_fd, STOP_PATIENCE_MS);
    } while (signal_number == SIGHUP);
    if (signal_number != 0) {
        log_warning("stopping at once: requests in flight are given up",
                    LOG_TEXT("reason", signal_number > 0 ? "a second signal" : "out of patience"));
        server_stop_now(server);
    }
}

static void serve(struct server *server, int signal_fd, const char *config_path)
{
    for (;;) {
        int signal_number = wait_for_signal(server, signal_fd, -1);
        if (signal_number == SIGHUP) {
            reload(server, config_path);
        } else if (signal_number > 0) {
            stop(server, signal_fd);
            return;
        } else {
            return;
        }
    }
}

int main(int argument_count, char **argument_values)
{
    struct arguments arguments = {0};
    argp_err_exit_status = EXIT_USAGE;
    check_flags(argument_count, argument_values);
    argp_parse(&parser, argument_count, argument_values, 0, NULL, &arguments);

    if (arguments.verify_dir != NULL) {
        return offline_verify(arguments.verify_dir, stdout, stderr);
    }
    if (arguments.compact_dir != NULL) {
        return offline_compact(arguments.compact_dir, stdout, stderr);
    }

    static struct config config; /* the log borrows the node's name */
    if (load_config(arguments.config_path, &config) != 0) {
        return EXIT_USAGE;
    }
    if (arguments.check_only) {
        return check_only(&config);
    }
    int signal_fd = open_signals();
    if (signal_fd < 0) {
        fprintf(stderr, "shoal-server: can't set up signals: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    log_configure((enum log_level)config.log_level, (enum log_format)config.log_format,
                  config.node_name, NULL, NULL);
    struct server *server;
    char text[512] = "";
    if (server_start(&config, &server, text) != 0) {
        log_error("can't start", LOG_TEXT("reason", text));
        return EXIT_FAILURE;
    }
    serve(server, signal_fd, arguments.config_path);
    server_free(server);
    log_info("stopped");
    return EXIT_SUCCESS;
}
