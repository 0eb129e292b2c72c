/* The outcomes a Shoal operation can have: one list, used by the servers, on the wire, by the
 * client library and for the exit status of the command line.
 *
 * Functions return 0 for done, a negative code below for a failure that the caller forwards
 * unchanged, and, where their own comment says so, a positive number for a documented outcome of
 * that very function (the idiom of dbus-broker). On the wire codes travel as positive numbers. */
#ifndef SHOAL_ERROR_H
#define SHOAL_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_error {
    SHOAL_OK = 0,

    /* Nothing was applied; the request itself is at fault. */
    SHOAL_ENOTFOUND = -1,    /* no such key */
    SHOAL_EINVAL = -2,       /* bad input: an argument, option or config value */
    SHOAL_ETOOBIG = -3,      /* a key, value, frame or list over its limit */
    SHOAL_EPROTO = -4,       /* malformed bytes from a client, peer or disk */
    SHOAL_EVERSION = -5,     /* protocol or format version not understood */
    SHOAL_ECONTEXT = -6,     /* a context token that is forged, damaged or of another key */
    SHOAL_EPERM = -7,        /* not permitted */
    SHOAL_EUNSUPPORTED = -8, /* a promise this cluster can't keep, or not in this version */

    /* Nothing was applied; the cluster could not, now. Trying again is safe. */
    SHOAL_ECONNECT = -20,   /* no node could be reached */
    SHOAL_EQUORUM = -21,    /* not enough owners reachable; nothing applied */
    SHOAL_EOVERLOAD = -22,  /* a bound was reached; refused promptly */
    SHOAL_ETIMEOUT = -23,   /* deadline passed on something that changes nothing (a read) */
    SHOAL_ENOTOWNER = -24,  /* the node asked does not own the partition in its view */
    SHOAL_EREFILLING = -25, /* the holding asked is still being filled and has no say in reads */
    SHOAL_ESHUTDOWN = -26,  /* the node is stopping */
    SHOAL_ENOMEM = -27,     /* out of memory, or over limits.memory_mb */
    SHOAL_ENOSPC = -28,     /* disk full: writes refused, reads go on */
    SHOAL_EIO = -29,        /* the node's storage failed; it confirms no writes */
    SHOAL_EDAMAGED = -30,   /* the record on disk is damaged; it is not served */

    /* The cluster refuses the node or the change. */
    SHOAL_ECLUSTER = -40,  /* another cluster, or facts that differ */
    SHOAL_EHASDATA = -41,  /* a joiner that holds data of its own */
    SHOAL_ECONFLICT = -42, /* something of that name or state is there already */

    /* Not known. */
    SHOAL_EUNKNOWN = -60, /* the outcome is unknown: timed out or partly applied */

    SHOAL_EDIFFER = -80,   /* replicas are not identical (verify) */
    SHOAL_EINTERNAL = -90, /* a bug in Shoal; please report it */
};

/* A short text for a code, never NULL, of static lifetime: "quorum not met". */
const char *shoal_error_text(int code);

/* The command line's exit status for a code (0 to 8, as documented in the README). */
int shoal_error_exit_status(int code);

/* 1 when the code says that nothing was applied, 0 when it may have been. */
int shoal_error_nothing_applied(int code);

#ifdef __cplusplus
}
#endif
#endif
