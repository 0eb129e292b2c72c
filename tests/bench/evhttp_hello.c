/* libevent's own HTTP server saying hello: what bench_http.py measures Shoal's against. Prints its
 * port, then serves until it is ended. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

static void say_hello(struct evhttp_request *request, void *self)
{
    (void)self;
    struct evbuffer *body = evbuffer_new();
    evbuffer_add(body, "hello", 5);
    evhttp_send_reply(request, 200, "OK", body);
    evbuffer_free(body);
}

static unsigned port_of(struct evhttp_bound_socket *bound)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len);
    return ntohs(address.sin_port);
}

int main(void)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base == NULL ? NULL : evhttp_new(base);
    struct evhttp_bound_socket *bound =
        http == NULL ? NULL : evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    if (bound == NULL) {
        fprintf(stderr, "evhttp_hello: can't listen\n");
        return EXIT_FAILURE;
    }
    evhttp_set_gencb(http, say_hello, NULL);
    printf("%u\n", port_of(bound));
    fflush(stdout);
    event_base_dispatch(base);
    return EXIT_SUCCESS;
}
