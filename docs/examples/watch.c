/* Follows the keys of a prefix with the live feed, as an iterator: prints so many changes, then
 * where to go on. When the node goes away it goes on at another by itself.
 *
 *     cc watch.c $(pkg-config --cflags --libs shoal) -o follow && ./follow 127.0.0.1:3001 user: 10
 */
#include <shoal/watch.h>
#include <stdio.h>
#include <stdlib.h>

static void print(const struct shoal_event *event)
{
    if (event->op == SHOAL_EVENT_GAP) {
        printf("gap: %s\n", event->text);
        return;
    }
    printf("%s %.*s", event->op_text, (int)event->key.len, (const char *)event->key.data);
    if (event->value.data != NULL) {
        printf(" = %.*s", (int)event->value.len, (const char *)event->value.data);
    }
    printf(" (by %s)\n", event->node);
}

static int follow(struct shoal_client *client, const char *prefix, int count)
{
    struct shoal_watch_options options = {.prefix = shoal_text(prefix)};
    struct shoal_watch *watch = NULL;
    int code = shoal_watch_open(client, &options, &watch);
    if (code != 0) {
        return code;
    }
    /* Whatever is written from here on is told. */
    printf("watching\n");
    fflush(stdout);
    while (code == 0 && count > 0) {
        const struct shoal_event *event;
        code = shoal_watch_next(watch, 60000, &event);
        if (code == 0) {
            print(event); /* deal with it first, then keep its cursor */
            fflush(stdout);
            count--;
        }
    }
    printf("the cursor has %zu bytes\n", shoal_watch_cursor(watch).len);
    shoal_watch_stop(watch);
    return code;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST[:PORT],... PREFIX COUNT\n", argv[0]);
        return EXIT_FAILURE;
    }
    struct shoal_config config = {.hosts = argv[1], .name = "follow"};
    struct shoal_client *client = NULL;
    char text[512] = "";
    int code = shoal_client_open(&config, &client, text, sizeof(text));
    if (code != 0) {
        fprintf(stderr, "%s\n", text);
        return EXIT_FAILURE;
    }
    code = follow(client, argv[2], atoi(argv[3]));
    if (code != 0) {
        fprintf(stderr, "%s\n", shoal_client_error(client));
    }
    shoal_client_free(client);
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
