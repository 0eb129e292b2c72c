/* The program: real streams, and nothing else. */
#include <event2/event.h>
#include <locale.h>
#include <unistd.h>

#include "cli/command.h"

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "");
    struct terminal terminal = {
        .in = stdin,
        .out = stdout,
        .err = stderr,
        .err_is_screen = isatty(STDERR_FILENO) == 1,
        .out_is_screen = isatty(STDOUT_FILENO) == 1,
    };
    int status = command_line_run(&terminal, argc, argv);
    libevent_global_shutdown();
    return status;
}
