/* The inside of the steward, shared by its files:
 *
 *      steward.c          views: wanting, keeping, trackers
 *      steward_commit.c   changes that are due are committed
 *      steward_publish.c  snapshots
 *      steward_gossip.c   telling and hearing
 *      steward_tally.c    what the workers say, summed up into the node's record
 *      steward_join.c     becoming a member
 *      steward_join_asked.c  ... by an operator's word
 *      steward_seeds.c    by the seeds, or founding the cluster
 *      steward_admit.c    the members' side of that
 *      steward_return.c   becoming again the member one was before the data_dir was lost
 *      steward_meet.c     finding a node of the own cluster at the address that an operator names
 *      steward_depart.c   leaving, having left, having been removed
 *      steward_change.c   operators' changes on their way, see steward_change.h:
 *                         steward_operate.c what they come to, steward_judge.c may they be,
 *                         steward_replace.c one member by another,
 *                         steward_plan.c the answer
 *      steward_seek.c     finding the other members again when addresses have changed
 *      steward_record.c   the node's own record, as kept over a restart
 *      steward_secret.c   the cluster's secret, and the one before it
 */
#ifndef NODE_STEWARD_INSIDE_H
#define NODE_STEWARD_INSIDE_H

#include "member/gossip.h"
#include "member/tracker.h"
#include "node/steward.h"
#include "node/steward_change.h"

#define STEWARD_FORGET_US UINT64_C(600000000)
#define STEWARD_HEARING_BEATS 10u /* in which a living node is heard of */
#define STEWARD_CONTACT_US UINT64_C(2000000)
#define STEWARD_NO_TICKET UINT64_C(0)              /* of a contact whose answer nobody waits for */
#define STEWARD_MEET_TICKETS (UINT64_C(1) << 61)   /* of meetings: from here on; below: of joins */
#define STEWARD_CHANGE_TICKETS (UINT64_C(1) << 62) /* of changes: from here on */

#define STEWARD_SEEK_TICKETS (UINT64_C(1) << 63) /* of contacts that seek: from here on */
#define STEWARD_SEEDS_TOLD 64u

/* Becoming a member, step by step. */
enum join_stage {
    JOIN_NONE,
    JOIN_CLOSING,    /* writes are refused; the workers count what they hold */
    JOIN_CONTACTING, /* the known node was asked for its cluster's facts, secret and view */
    JOIN_KEEPING,    /* the view with this node in it is being made durable */
    JOIN_TELLING,    /* until a member of the cluster has confirmed to know it */
};

struct join {
    enum join_stage stage;
    struct request *request; /* the operator's; NULL when joining by seeds */
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;
    uint64_t ticket;
    uint64_t closed_epoch;
    uint64_t cluster; /* the one being joined, once known */
    struct timer timer;
    bool invited;    /* by a member: only to become again who it was */
    bool returned;   /* it is the member that it was before it lost its data */
    bool stage_only; /* no partition before an operator commits */

    /* By seeds. */
    bool by_seeds;
    uint32_t seed;          /* the one being asked */
    uint32_t rounds;        /* asked all of them so often */
    bool other_in_progress; /* some other seed may found the cluster */
    bool first_is_self;     /* the first seed's name leads to this very node, and nowhere else */
    uint64_t told[STEWARD_SEEDS_TOLD]; /* by seed: hash of why it failed, as logged last */
};

/* Looking for the other members at the seeds. */
struct seek {
    bool all;                          /* none of them can be reached */
    uint32_t asked;                    /* seeds since that is so */
    uint64_t due_us;                   /* the next one; 0: nobody is missing */
    uint32_t seed;                     /* asked last */
    uint64_t ticket;                   /* of the last contact, less STEWARD_SEEK_TICKETS */
    uint64_t told[STEWARD_SEEDS_TOLD]; /* as of struct join */
};

/* Meeting a node of the own cluster where an operator says that it is. */
struct meet {
    struct request *request; /* NULL: none is under way */
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;
    uint64_t ticket; /* of the last contact, less STEWARD_MEET_TICKETS */
};

/* What this node is in its cluster, by the durable view and what its workers hold. */
enum standing {
    STANDING_ALONE,   /* the only member */
    STANDING_MEMBER,  /* or about to become one, also staged */
    STANDING_LEAVING, /* has something to hand over yet, or is counted still */
    STANDING_LEFT,
    STANDING_REMOVED, /* by force */
};

#define STEWARD_RATE_SAMPLES 8u

/* Bytes taken in by syncs and operations for clients, as of the last few heartbeats. */
struct rates {
    struct rate_sample {
        uint64_t at_us;
        uint64_t sync_bytes;
        uint64_t ops;
    } samples[STEWARD_RATE_SAMPLES];
    uint32_t count;
    uint32_t next;
};

struct steward {
    struct worker *worker;
    const struct node_config *config;

    /* Identity. */
    uint64_t id;
    uint64_t generation;
    struct crypto_key secret;
    struct crypto_key secret_previous; /* accepted too */
    bool has_previous_secret;

    /* Views: wanted includes keeping includes view. NULL before the node is in a cluster. */
    struct view *view;
    struct view *wanted;
    struct view *keeping;
    bool keep_active;
    bool keep_needed; /* something beside the view changed: identity, addresses */
    uint64_t keep_sequence;
    uint64_t started_us;
    uint64_t wants;         /* how often the wanted view has grown, ... */
    uint64_t wants_keeping; /* ... up to what is being kept, ... */
    uint64_t wants_kept;    /* ... and what is durable */

    /* Publishing. */
    uint64_t epoch;
    uint64_t view_epoch; /* the first epoch published with the present view */
    bool returning;      /* a member since before this process began */
    bool closed;
    bool stopping;
    uint64_t included[SNAPSHOT_INCLUDED];
    uint32_t included_next;

    /* The workers' standing. */
    struct worker_tally *tallies;
    struct content_hash *synced;
    uint64_t *tickets;         /* included in view */
    uint64_t *tickets_keeping; /* will be, once kept */
    uint64_t *tickets_wanted;
    uint64_t *tickets_void; /* up to here some could not be joined: none of them counts */

    struct gossip gossip;
    uint64_t places_kept; /* the gossip's, as of the record */
    struct steward_counts counts;
    struct snapshot *published; /* the last; NULL: none yet */
    uint64_t next_id;
    uint64_t last_push_us;
    uint64_t counts_told_us; /* in the own record */
    uint64_t next_invite_us;
    struct timer tick;
    struct timer push;
    struct timer commit; /* of what is due */
    struct join join;
    struct seek seek;
    struct meet meet;
    struct changes changes;
    struct rates rates;
    enum standing standing; /* as logged last */
    uint32_t may_lose;      /* partitions, as logged last */
    uint64_t may_lose_view; /* digest of the view that this was said of */
};

/* steward.c */
/* Joins a view into the wanted one; takes over the reference. 0 or a negative code. It is durable
 * once wants_kept has reached what wants is then. */
int steward_want(struct steward *steward, struct view *view);
/* Wants another cluster's view instead; takes over the reference. */
void steward_replace(struct steward *steward, struct view *view);
void steward_keep(struct steward *steward);
/* Sets the marks that have come true and commits what this node is due. */
void steward_step(struct steward *steward);

/* Has every worker adopted this epoch? */
bool steward_all_adopted(const struct steward *steward, uint64_t epoch);

/* steward_tally.c */
/* How the node is, as this one sees it: one that has not been heard yet is down only when there was
 * time to hear it. */
enum node_state steward_state_of(const struct steward *steward, uint64_t node);

/* steward_commit.c */
void commit_init(struct steward *steward);
/* The durable view may have something due: sees to it that it is committed in a while. */
void commit_review(struct steward *steward);
void commit_close(struct steward *steward);

/* steward_tally.c */
void steward_tally_sum(const struct steward *steward, struct worker_tally *out);
/* Brings what this node tells of itself up to what the workers say. */
void steward_refresh_self(struct steward *steward);
/* Once a heartbeat. */
void steward_measure_rates(struct steward *steward);

/* steward_depart.c */
enum standing steward_standing(const struct steward *steward);
/* Logs what has changed with the durable view or the workers' tallies: this node has left, was
 * removed, acknowledged writes may be lost. True when its standing is another. */
bool steward_note_standing(struct steward *steward);
/* The role that counts: of what is staged, what it was before; NULL when the node has none. */
const struct role *steward_role_of(const struct view *view, uint64_t node);
/* Does a live layout name the node a member? */
bool steward_is_live(const struct view *view, uint64_t node);

/* steward_publish.c */
void steward_publish(struct steward *steward);

/* steward_gossip.c */
void steward_push(struct steward *steward);
/* What this node tells of itself and all others; the view comes along when `theirs`, the digest of
 * the receiver's, is another. Borrowed from the arena and the gossip. 0 or SHOAL_ENOMEM. */
int steward_tell(struct steward *steward, uint64_t theirs, struct message_gossip *out);
/* What a message of another node of this cluster tells. */
void steward_hear(struct steward *steward, const struct message_gossip *told);
void steward_on_tick(struct timer *timer, uint64_t now_us);
void steward_on_push(struct timer *timer, uint64_t now_us);
void steward_role(const struct steward *steward, struct role *out);

/* steward_join.c */
void join_init(struct steward *steward);
void join_on_tally(struct steward *steward);
void join_on_kept(struct steward *steward);
void join_on_confirmed(struct steward *steward);
void join_close(struct steward *steward);
/* Asks the node at join.host and join.port for admission. */
void join_contact(struct steward *steward);

/* Closes this node's own cluster for writes and counts what it holds, then asks for admission. */
void join_close_own(struct steward *steward);

/* What the workers said last that they hold, hints included. */
uint64_t join_keys_held(const struct steward *steward);

/* steward_join_asked.c */
/* Becoming a member of the cluster that answers there, unless this node has to stay in its own. */
void join_begin(struct steward *steward, struct request *request);
/* Why a node that is of the cluster already is yet no member as one that has joined; NULL: it is.
 */
const char *join_yet_to_come(const struct steward *steward);

/* steward_meet.c */
/* An operator's request, of a node that may know the one at that address. */
void meet_begin(struct steward *steward, struct request *request);
/* As steward_on_contacted, for tickets from STEWARD_MEET_TICKETS on. */
void meet_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload);
void meet_close(struct steward *steward);

/* steward_join_view.c */
/* Admitted: wants the cluster's view with this node in it, committed if it can be at once. 0, or
 * why the answer can't be used; then nothing has happened. */
int join_take(struct steward *steward, const struct message_admit_reply *reply);

/* steward_seeds.c */
void join_by_seeds(struct steward *steward);
/* Asks the next one, or begins another round in a while. */
void join_next_seed(struct steward *steward);
int steward_found(struct steward *steward);
/* Is it this node's own address, as the configuration has them? */
bool join_seed_is_self(const struct steward *steward, uint32_t seed);

/* steward_return.c */
/* The member that the joiner, its namesake, was before it lost its data; 0: it is somebody else. */
uint64_t steward_returning_member(const struct steward *steward, const struct role *namesake,
                                  const struct message_admit *admit);
/* This node is that member. */
void steward_become(struct steward *steward, uint64_t node);

/* steward_seek.c */
/* Once a heartbeat, as a member. */
void seek_step(struct steward *steward);
/* As steward_on_contacted, for tickets from STEWARD_SEEK_TICKETS on. */
void seek_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload);

/* steward_secret.c */
/* One of its own, for the cluster that it may found. */
void steward_secret_make(struct steward *steward);
/* Once the record is known: what the configuration says takes precedence, and a secret that the
 * member had until now becomes the previous one unless the configuration names that too. */
void steward_secret_choose(struct steward *steward);
/* Becomes that of the cluster being joined; `handed`, CRYPTO_KEY_BYTES long, is taken by a node
 * that has none configured. */
void steward_secret_join(struct steward *steward, struct bytes handed);
void steward_secret_token_keys(const struct steward *steward, struct token_keys *out);
/* For a joiner: the secret itself, or where it is configured, the proof that it is had. Borrowed
 * from the steward or the arena; NULL data: no memory. */
struct bytes steward_secret_show(const struct steward *steward, uint64_t cluster,
                                 struct arena *arena);
/* Is what a member has shown the secret for this node, or the proof of one that it has, too? */
bool steward_secret_fits(const struct steward *steward, uint64_t cluster, struct bytes shown);

/* steward_record.c */
int steward_record_encode(const struct steward *steward, const struct view *view,
                          struct buffer *out);
/* Sets identity and view; the known nodes are in `told` (borrowed from kept and the arena), for
 * steward_record_nodes once gossip has begun under that identity. */
int steward_record_decode(struct steward *steward, struct bytes kept, struct message_gossip *told);
int steward_record_nodes(struct steward *steward, const struct message_gossip *told);
/* The facts a node was configured with against a cluster's: 0, or SHOAL_EINVAL and what differs. */
int steward_compare_facts(const struct node_config *config, const struct cluster_facts *facts,
                          char why[640]);

#endif
