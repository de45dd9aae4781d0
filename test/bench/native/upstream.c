// upstream CHALLENGE: a proxy that demands NTLM as Squid does, takes any AUTHENTICATE, and answers by itself; so it is never
// the bottleneck. CHALLENGE is the token that everybody gets. The ports that it prints:
//   ntlm     demands a logon for each connection
//   delayed  the same, and delays its ACKs as a peer does that has been answering for a while
//   slow20, slow200, slow2600   the same as ntlm, and takes so many milliseconds for the verdict on an AUTHENTICATE
//   open     demands none; is also the web server behind a real proxy
//   echo     plain TCP, sends back what it gets
//   hole     takes no connection and refuses none
// GET /bytes/N is answered with N bytes. CONNECT to sink-N reads N bytes and then says k; source-N sends N bytes and ends; any
// other target echoes.
#include "common.h"

#define IN_SIZE 16384
#define CHUNKS_A_TURN 16

enum kind { NTLM, DELAYED, SLOW20, SLOW200, SLOW2600, OPEN, ECHO, KINDS };
enum state { FRESH, CHALLENGED, READY };
enum mode { HTTP, ECHOING, SINK, SOURCE };

struct connection {
    int fd;
    enum kind kind;
    enum state state;
    enum mode mode;
    uint32_t events;
    const char *out;      // what is to be sent, then `filler` bytes of no meaning
    size_t out_length;
    uint64_t filler;
    uint64_t left;        // of a request's body, or of what a sink waits for
    size_t in_length;
    char head[256];
    char in[IN_SIZE];
    struct connection *next;    // of those whose verdict is due after this one's
    uint64_t due;               // when the verdict is, in ns; 0: nothing is waited for
    int gone;                   // the peer, meanwhile
};

struct listener {
    int fd;
    enum kind kind;
};

static char demand[8192], challenge[8192];
// By kind: how long a verdict takes, in ms, and the connections that wait for one, the first due first.
static const uint64_t VERDICT_MS[KINDS] = {[SLOW20] = 20, [SLOW200] = 200, [SLOW2600] = 2600};
static struct connection *first_due[KINDS], *last_due[KINDS];
static const char ESTABLISHED[] = "HTTP/1.1 200 Connection established\r\n\r\n";

// The body of Squid's error page has about 3 KB, in English.
static void build_407(char *into, size_t size, const char *token)
{
    const int body = 3072;
    int length = snprintf(into, size,
        "HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid/5.7\r\nMime-Version: 1.0\r\n"
        "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: text/html;charset=utf-8\r\nContent-Length: %d\r\n"
        "X-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\nVary: Accept-Language\r\nContent-Language: en\r\n"
        "Proxy-Authenticate: NTLM%s%s\r\nX-Cache: MISS from proxy.test\r\nX-Cache-Lookup: NONE from proxy.test:3128\r\n"
        "Via: 1.1 proxy.test (squid/5.7)\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n\r\n",
        body, *token ? " " : "", token);
    if (length < 0 || (size_t)(length + body) >= size) die("the challenge is too long");
    memset(into + length, 'e', (size_t)body);
    into[length + body] = 0;
}

static void send_text(struct connection *c, const char *text)
{
    c->out = text;
    c->out_length = strlen(text);
}

// Proxy-Connection, because cntlm keeps a connection only where it finds that field: each subject is measured at its best.
static void send_body(struct connection *c, int status, uint64_t bytes)
{
    snprintf(c->head, sizeof c->head,
        "HTTP/1.1 %d Answer\r\nContent-Type: application/octet-stream\r\nContent-Length: %llu\r\n"
        "Proxy-Connection: keep-alive\r\n\r\n",
        status, (unsigned long long)bytes);
    send_text(c, c->head);
    c->filler = bytes;
}

static const char *field(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    return at ? at + strlen(name) : NULL;
}

static void await_verdict(struct connection *c)
{
    c->due = now_ns() + VERDICT_MS[c->kind] * 1000000u;
    c->next = NULL;
    if (last_due[c->kind]) last_due[c->kind]->next = c;
    else first_due[c->kind] = c;
    last_due[c->kind] = c;
}

static int may_pass(struct connection *c, const char *head)
{
    if (c->kind == OPEN || c->state == READY) return 1;
    const char *token = field(head, "\r\nProxy-Authorization: NTLM ");
    // The first 12 bytes of a message, its signature and type, are 16 characters in base64.
    if (token && !strncmp(token, "TlRMTVNTUAABAAAA", 16)) {
        c->state = CHALLENGED;
        send_text(c, challenge);
        return 0;
    }
    if (token && c->state == CHALLENGED && !strncmp(token, "TlRMTVNTUAADAAAA", 16)) {
        c->state = READY;
        if (VERDICT_MS[c->kind]) await_verdict(c);
        return 1;
    }
    c->state = FRESH;
    send_text(c, demand);
    return 0;
}

static void open_tunnel(struct connection *c, const char *target)
{
    send_text(c, ESTABLISHED);
    c->mode = ECHOING;
    if (!strncmp(target, "sink-", 5)) {
        c->mode = SINK;
        c->left = strtoull(target + 5, NULL, 10);
    } else if (!strncmp(target, "source-", 7)) {
        c->mode = SOURCE;
        c->filler = strtoull(target + 7, NULL, 10);
    }
}

static void handle_request(struct connection *c, const char *head)
{
    const char *length = field(head, "\r\nContent-Length: ");
    int is_connect = !strncmp(head, "CONNECT ", 8);
    // The length of a CONNECT without body means nothing.
    c->left = length && !is_connect ? strtoull(length, NULL, 10) : 0;
    if (!may_pass(c, head)) return;
    if (is_connect) return open_tunnel(c, head + 8);
    const char *line_end = strstr(head, "\r\n"), *path = strstr(head, "/bytes/");
    if (path && path < line_end) send_body(c, 200, strtoull(path + 7, NULL, 10));
    else send_body(c, 404, 0);
}

static void close_connection(struct connection *c)
{
    close(c->fd);
    c->gone = 1;
    if (c->due) return; // `give_verdicts` still has it.
    free(c);
}

// 1: all is sent; 0: the rest has to wait; -1: the peer is gone.
static int flush(struct connection *c)
{
    for (int turn = 0; c->out_length > 0 || c->filler > 0; turn++) {
        if (turn == CHUNKS_A_TURN) return 0;
        size_t extra = c->filler < SCRATCH ? (size_t)c->filler : SCRATCH;
        struct iovec parts[2] = {{(void *)c->out, c->out_length}, {scratch, extra}};
        ssize_t sent = writev(c->fd, parts, 2);
        if (sent < 0) return errno == EAGAIN ? 0 : -1;
        size_t of_out = (size_t)sent < c->out_length ? (size_t)sent : c->out_length;
        c->out += of_out;
        c->out_length -= of_out;
        c->filler -= (size_t)sent - of_out;
    }
    return 1;
}

static void consume(struct connection *c, size_t bytes)
{
    memmove(c->in, c->in + bytes, c->in_length - bytes);
    c->in_length -= bytes;
}

// 1: something was done with what is in the buffer; 0: more is needed.
static int use_input(struct connection *c)
{
    if (c->mode == ECHOING && c->in_length > 0) {
        // `head` is free: input is looked at only when everything was sent.
        size_t bytes = c->in_length < sizeof c->head ? c->in_length : sizeof c->head;
        memcpy(c->head, c->in, bytes);
        c->out = c->head;
        c->out_length = bytes;
        consume(c, bytes);
        return 1;
    }
    if (c->mode == SINK || c->mode == SOURCE || (c->mode == HTTP && c->left > 0)) {
        size_t bytes = c->in_length < c->left ? c->in_length : (size_t)c->left;
        c->left -= bytes;
        if (bytes > 0 && c->mode == SINK && c->left == 0) send_text(c, "k");
        consume(c, c->mode == HTTP ? bytes : c->in_length);
        return bytes > 0;
    }
    c->in[c->in_length] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return 0;
    char rest = end[2];
    end[2] = 0;
    handle_request(c, c->in);
    end[2] = rest;
    consume(c, (size_t)(end + 4 - c->in));
    return 1;
}

static ssize_t fill(struct connection *c)
{
    if (c->kind == DELAYED) {
        int off = 0;
        setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
    }
    if (c->mode != SINK) {
        ssize_t got = read(c->fd, c->in + c->in_length, IN_SIZE - 1 - c->in_length);
        if (got > 0) c->in_length += (size_t)got;
        return got;
    }
    ssize_t got = 0;
    uint64_t before = c->left;
    for (int turn = 0; turn < CHUNKS_A_TURN; turn++) {
        got = read(c->fd, scratch, SCRATCH);
        if (got <= 0) break;
        c->left -= (uint64_t)got < c->left ? (uint64_t)got : c->left;
    }
    if (before > 0 && c->left == 0) send_text(c, "k");
    return got;
}

static void set_events(struct connection *c, uint32_t events)
{
    if (c->events == events) return;
    c->events = events;
    watch(EPOLL_CTL_MOD, c->fd, events, c);
}

static void serve(struct connection *c)
{
    for (;;) {
        if (c->due) {
            // The answer is ready, and kept back. What else comes waits, but an end is seen.
            char byte;
            ssize_t got = recv(c->fd, &byte, 1, MSG_PEEK);
            if (got == 0 || (got < 0 && errno != EAGAIN)) return close_connection(c);
            return set_events(c, EPOLLRDHUP);
        }
        int sent = flush(c);
        if (sent < 0) return close_connection(c);
        if (sent == 0) return set_events(c, EPOLLOUT);
        if (c->mode == SOURCE && c->left == 0) {
            c->left = UINT64_MAX;
            shutdown(c->fd, SHUT_WR);
        }
        if (use_input(c)) continue;
        ssize_t got = fill(c);
        if (got > 0) continue;
        if (got < 0 && errno == EAGAIN) {
            if (c->out_length > 0) continue;
            return set_events(c, EPOLLIN);
        }
        return close_connection(c);
    }
}

// Gives the verdicts that are due. Returns how many milliseconds there are until the next one, -1 where there is none.
static int give_verdicts(void)
{
    uint64_t next = UINT64_MAX, now = now_ns();
    for (int kind = 0; kind < KINDS; kind++) {
        struct connection *c;
        while ((c = first_due[kind]) && c->due <= now) {
            first_due[kind] = c->next;
            if (!c->next) last_due[kind] = NULL;
            c->due = 0;
            if (c->gone) free(c);
            else serve(c);
        }
        if (c && c->due < next) next = c->due;
    }
    return next == UINT64_MAX ? -1 : (int)((next - now) / 1000000u) + 1;
}

static void take(struct listener *l)
{
    int fd;
    while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *c = calloc(1, sizeof *c);
        if (!c) die("no memory");
        c->fd = fd;
        c->kind = l->kind;
        c->mode = l->kind == ECHO ? ECHOING : HTTP;
        c->events = EPOLLIN;
        no_delay(fd);
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, c);
    }
}

// A listening socket whose queue is full drops what comes: the caller gets neither yes nor no.
static int open_hole(void)
{
    int port;
    listen_on(0, &port);
    for (int i = 0; i < 4; i++) connect_to(port);
    return port;
}

int main(int count, char **args)
{
    static const char *const NAMES[KINDS] = {"ntlm", "delayed", "slow20", "slow200", "slow2600", "open", "echo"};
    static struct listener listeners[KINDS];
    if (count != 2) die("usage: upstream CHALLENGE");
    begin();
    build_407(demand, sizeof demand, "");
    build_407(challenge, sizeof challenge, args[1]);
    for (int i = 0; i < KINDS; i++) {
        int port;
        listeners[i] = (struct listener){listen_on(BACKLOG, &port), (enum kind)i};
        watch(EPOLL_CTL_ADD, listeners[i].fd, EPOLLIN, &listeners[i]);
        printf("%s %d\n", NAMES[i], port);
    }
    printf("hole %d\nready\n", open_hole());
    fflush(stdout);
    for (;;) {
        struct epoll_event events[512];
        int n = epoll_wait(epoll_fd, events, 512, give_verdicts());
        for (int i = 0; i < n; i++) {
            struct listener *l = events[i].data.ptr;
            if (l >= listeners && l < listeners + KINDS) take(l);
            else serve(events[i].data.ptr);
        }
    }
}
