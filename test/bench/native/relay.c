// relay PORT [RTT_MS]: hands connections on to PORT byte by byte and prints the port on which it listens. Without a delay it is
// the limit of what a proxy in one thread can do; with one it is the way to an upstream that is RTT_MS away.
//
// The kernel of a loopback connection connects at once, so the round trip of connecting is made up for here: what the caller
// sends within the first RTT could only have been sent when the connection was there. Bytes to the upstream leave at
// max(read, accepted + RTT) + RTT/2, bytes from it RTT/2 after they were read.
#include "common.h"

#define QUEUE_LIMIT (4 << 20)

struct chunk {
    struct chunk *next;
    uint64_t due;
    size_t length, sent; // no length: the end of the direction
    char bytes[];
};

struct pair;

struct side {
    int fd;
    int ended; // its peer has sent its end
    int shut;  // our end was sent to it
    uint32_t events;
    struct pair *pair;
    struct side *other;
    struct chunk *first, *last; // on the way to this side
    size_t queued;
};

struct pair {
    struct side client, upstream;
    uint64_t accepted;
    struct pair *next, *previous;
    struct pair *next_dead;
};

static struct pair all = {.next = &all, .previous = &all}, *dead;
static uint64_t rtt_ns;
static int target_port;

static void enqueue(struct side *to, const char *bytes, size_t length, uint64_t due)
{
    struct chunk *c = malloc(sizeof *c + length);
    if (!c) die("no memory");
    *c = (struct chunk){.due = due, .length = length};
    memcpy(c->bytes, bytes, length);
    if (to->last) to->last->next = c;
    else to->first = c;
    to->last = c;
    to->queued += length;
}

static void drop(struct side *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    while (s->first) {
        struct chunk *c = s->first;
        s->first = c->next;
        free(c);
    }
}

// Events of this turn may still name the pair, so it is freed at the end of the turn.
static void end_pair(struct pair *p)
{
    if (p->client.fd < 0) return;
    drop(&p->client);
    drop(&p->upstream);
    p->previous->next = p->next;
    p->next->previous = p->previous;
    p->next_dead = dead;
    dead = p;
}

static void set_events(struct side *s)
{
    int blocked = s->first && s->first->due <= now_ns();
    uint32_t events = (blocked ? EPOLLOUT : 0) | (s->ended || s->other->queued > QUEUE_LIMIT ? 0 : EPOLLIN);
    if (events == s->events) return;
    s->events = events;
    watch(EPOLL_CTL_MOD, s->fd, events, s);
}

// Sends what is due. 0: the connection is gone.
static int deliver(struct side *to)
{
    while (to->first && to->first->due <= now_ns()) {
        struct chunk *c = to->first;
        if (c->length == 0) {
            shutdown(to->fd, SHUT_WR);
            to->shut = 1;
        } else {
            ssize_t sent = write(to->fd, c->bytes + c->sent, c->length - c->sent);
            if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;
            c->sent += (size_t)sent;
            to->queued -= (size_t)sent;
            if (c->sent < c->length) return 1;
        }
        to->first = c->next;
        if (!to->first) to->last = NULL;
        free(c);
    }
    return 1;
}

static uint64_t due_time(struct side *from)
{
    if (rtt_ns == 0) return 0;
    uint64_t now = now_ns(), connected = from->pair->accepted + rtt_ns;
    if (from == &from->pair->client && now < connected) now = connected;
    return now + rtt_ns / 2;
}

// 0: the connection is gone.
static int read_from(struct side *from)
{
    struct side *to = from->other;
    for (int turn = 0; turn < 16 && !from->ended && to->queued <= QUEUE_LIMIT; turn++) {
        ssize_t got = read(from->fd, scratch, SCRATCH);
        if (got < 0) return errno == EAGAIN;
        size_t sent = 0;
        if (got > 0 && rtt_ns == 0 && !to->first) {
            ssize_t written = write(to->fd, scratch, (size_t)got);
            if (written < 0 && errno != EAGAIN && errno != ENOTCONN) return 0;
            if (written > 0) sent = (size_t)written;
        }
        if (got == 0) from->ended = 1;
        if (got == 0 || sent < (size_t)got) enqueue(to, scratch + sent, (size_t)got - sent, due_time(from));
        if (!deliver(to)) return 0;
        if (got < SCRATCH) break;
    }
    return 1;
}

static void serve(struct side *s, uint32_t ready)
{
    struct pair *p = s->pair;
    if (p->client.fd < 0) return;
    int alive = 1;
    if (ready & EPOLLOUT) alive = deliver(s);
    if (alive && (ready & (EPOLLIN | EPOLLHUP | EPOLLERR))) alive = read_from(s);
    // Nothing more comes from it and nothing more can be sent to it.
    if (s->ended && (ready & (EPOLLHUP | EPOLLERR)) && !s->other->first) alive = 0;
    if (!alive || (p->client.shut && p->upstream.shut)) return end_pair(p);
    set_events(s);
    set_events(s->other);
}

static void take(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int upstream = connect_to(target_port);
        struct pair *p = calloc(1, sizeof *p);
        if (!p || upstream < 0) die("no connection to the upstream: %s", strerror(errno));
        no_delay(fd);
        p->accepted = now_ns();
        p->client = (struct side){.fd = fd, .pair = p, .other = &p->upstream, .events = EPOLLIN};
        p->upstream = (struct side){.fd = upstream, .pair = p, .other = &p->client, .events = EPOLLIN};
        p->next = all.next;
        p->previous = &all;
        all.next->previous = p;
        all.next = p;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, &p->client);
        watch(EPOLL_CTL_ADD, upstream, EPOLLIN, &p->upstream);
    }
}

static void deliver_side(struct side *s)
{
    if (s->pair->client.fd < 0 || !s->first) return;
    if (!deliver(s) || (s->pair->client.shut && s->pair->upstream.shut)) return end_pair(s->pair);
    set_events(s);
    set_events(s->other);
}

// Delivers what is due everywhere, and sets the timer for what is due next.
static void tick(int timer)
{
    uint64_t next_due = 0, now;
    for (struct pair *p = all.next, *next; p != &all; p = next) {
        next = p->next;
        deliver_side(&p->client);
        deliver_side(&p->upstream);
    }
    now = now_ns();
    for (struct pair *p = all.next; p != &all; p = p->next) {
        struct side *sides[2] = {&p->client, &p->upstream};
        for (int i = 0; i < 2; i++) {
            struct chunk *c = sides[i]->first;
            // What is due and was not taken waits for EPOLLOUT, not for the time.
            if (c && c->due > now && (!next_due || c->due < next_due)) next_due = c->due;
        }
    }
    struct itimerspec at = {.it_value = {(time_t)(next_due / 1000000000u), (long)(next_due % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

int main(int count, char **args)
{
    static char is_listener, is_timer;
    int port;
    if (count < 2) die("usage: relay PORT [RTT_MS]");
    begin();
    target_port = atoi(args[1]);
    rtt_ns = count > 2 ? (uint64_t)(atof(args[2]) * 1e6) : 0;
    int listener = listen_on(BACKLOG, &port);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, &is_listener);
    watch(EPOLL_CTL_ADD, timer, EPOLLIN, &is_timer);
    printf("relay %d\nready\n", port);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[512];
        int n = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < n; i++) {
            uint64_t expirations;
            if (events[i].data.ptr == &is_listener) take(listener);
            else if (events[i].data.ptr == &is_timer) (void)!read(timer, &expirations, sizeof expirations);
            else serve(events[i].data.ptr, events[i].events);
        }
        if (rtt_ns > 0) tick(timer);
        while (dead) {
            struct pair *p = dead;
            dead = p->next_dead;
            free(p);
        }
    }
}
