/* What the parts of a connection, its life (connection.c), input and output, share and no one else
 * should look at. */
#ifndef NET_CONNECTION_STATE_H
#define NET_CONNECTION_STATE_H

#include "net/connection.h"

enum connection_phase {
    CONNECTION_OPEN,
    CONNECTION_FINISHING, /* sending the rest */
    CONNECTION_LINGERING, /* all sent, waiting for the other side to close */
    CONNECTION_CLOSED,    /* waiting for its task to tell the handler and free it */
};

/* Output is a list of runs, so that a long queue is freed as it is sent and never moved. */
struct output_run {
    struct queue link;
    struct buffer buffer;
};

struct connection {
    struct loop *loop;
    int fd;
    enum connection_phase phase;
    const struct connection_handler *handler; /* NULL: abandoned */
    void *self;
    struct queue link; /* in loop->connections */
    struct task task;  /* closing, or going on after a pause */
    struct timer linger;
    uint64_t linger_sent_bytes; /* what had been sent when it was started, finishing */
    int code;

    /* Input. */
    struct event *read_event;
    bool reading; /* read_event is added */
    bool paused;
    bool input_ended;
    struct input_block *block;     /* half a message and more; NULL mostly */
    size_t start;                  /* of what is not taken, in block */
    size_t need;                   /* of the message that begins at start; 0 unknown */
    bool streaming;                /* the last read was a full one */
    struct input_block *delivered; /* during the handler's input call */
    bool held;                     /* the handler keeps part of what was last handed over */

    /* Output. */
    struct event *write_event;
    bool writing;            /* write_event is added */
    struct queue dirty_link; /* in loop->dirty */
    struct queue runs;       /* output_run, oldest first */
    size_t sent;             /* of the oldest run */
    size_t queued;           /* bytes in runs less sent */
    uint64_t sent_bytes;     /* in all */
    size_t counted_run_len;  /* of the newest run, in queued already */
    size_t high_bytes;       /* marks of what is queued */
    size_t low_bytes;
    bool above_high;
    bool output_counted;

    char peer[64]; /* "" until asked for */
};

/* A failure or the end: as connection_close, with the code for the handler. */
void connection_fail(struct connection *connection, int code);
/* The input's part of its life. 0, and it is being read, or SHOAL_ENOMEM. */
int connection_input_init(struct connection *connection);
void connection_input_deinit(struct connection *connection);
/* Reads, if there may be anything to read yet. */
void connection_read(struct connection *connection);
/* After a pause: hands over what has waited, then reads. */
void connection_go_on(struct connection *connection);
/* The output's part of its life. */
void connection_output_init(struct connection *connection);
void connection_output_deinit(struct connection *connection);
/* All has been sent of a finishing connection. */
void connection_linger(struct connection *connection);

#endif
