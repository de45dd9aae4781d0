// load MODE name=value...: clients of a proxy on loopback, in a closed loop, and one line of JSON about them.
//   get      each client sends GETs of `path` to `host` over one connection, and opens another only when told to close it
//   connect  each client opens a connection, a tunnel to `host`, sends a byte, waits for it to come back, closes, begins anew
//   bulk     each client opens one tunnel to `host` and moves `bytes` bytes: host sink-N takes them, source-N sends them
//   hold     takes commands: "open N" more tunnels, "echo" a byte over each, "close" all; a line of JSON for each
// port: of the proxy. clients: how many at once. Ends after `seconds`, or when `count` are done (get, connect). timeout:
// seconds that one request may take. What was begun in time is waited for, and counts.
#include "common.h"

#define HEAD_SIZE 8192
#define MAX_FAILURES 200
#define CAUSES 32

enum state { UNUSED, CONNECTING, HEAD, BODY, ECHO_BACK, MOVING, HELD };
enum mode { GET, TUNNEL, BULK, HOLD };

struct client {
    int fd;
    enum state state;
    uint32_t events;
    uint64_t begun;
    int64_t left; // of the body, or of what is moved; -1: up to the end
    size_t head_length;
    int closes, served;
    char head[HEAD_SIZE];
};

static enum mode mode;
static int port, client_count = 1, sends;
static double seconds, timeout_s = 10;
static long count;
static const char *host = "echo.test:443", *path = "/bytes/1024";
static uint64_t bytes;
static char request[1024];

static struct client *clients;
static int client_room;
static uint32_t *latencies; // microseconds
static size_t done, latency_room, failed, begun, reconnects, active;
static uint64_t started, last_done, stop_at, moved, first_latency;
static struct {
    char text[48];
    size_t times;
} causes[CAUSES];

static void begin_request(struct client *c);

static void blame(const char *cause)
{
    failed++;
    for (int i = 0; i < CAUSES; i++) {
        if (causes[i].times == 0) snprintf(causes[i].text, sizeof causes[i].text, "%s", cause);
        if (strcmp(causes[i].text, cause)) continue;
        causes[i].times++;
        return;
    }
}

static int may_begin(void)
{
    if (failed >= MAX_FAILURES) return 0;
    if (count > 0) return (long)begun < count;
    return now_ns() < stop_at;
}

static void disconnect(struct client *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->served = 0;
}

static void rest(struct client *c, enum state state)
{
    c->state = state;
    active--;
}

static void next_request(struct client *c)
{
    if (mode != HOLD && mode != BULK && may_begin()) return begin_request(c);
    disconnect(c);
    rest(c, UNUSED);
}

static void fail(struct client *c, const char *cause)
{
    blame(cause);
    disconnect(c);
    next_request(c);
}

static void succeed(struct client *c)
{
    uint64_t now = now_ns(), us = (now - c->begun) / 1000;
    if (done == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 65536;
        latencies = realloc(latencies, latency_room * sizeof *latencies);
        if (!latencies) die("no memory");
    }
    if (done == 0) first_latency = us;
    latencies[done++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    last_done = now;
}

static void want(struct client *c, uint32_t events)
{
    if (c->events == events) return;
    c->events = events;
    watch(EPOLL_CTL_MOD, c->fd, events, c);
}

static void send_request(struct client *c)
{
    size_t length = strlen(request);
    c->state = HEAD;
    c->head_length = 0;
    // A fresh or answered connection has room for a request.
    if (write(c->fd, request, length) != (ssize_t)length) return fail(c, "request not taken");
    want(c, EPOLLIN);
}

static void begin_request(struct client *c)
{
    begun++;
    c->begun = now_ns();
    if (c->fd >= 0) return send_request(c);
    c->fd = connect_to(port);
    if (c->fd < 0) die("no connection to the proxy: %s", strerror(errno));
    c->state = CONNECTING;
    c->events = EPOLLOUT;
    watch(EPOLL_CTL_ADD, c->fd, EPOLLOUT, c);
}

static void on_connected(struct client *c)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) return fail(c, strerror(error));
    send_request(c);
}

static void on_tunnel(struct client *c, size_t extra)
{
    if (mode == BULK) {
        c->state = MOVING;
        c->left = (int64_t)bytes - (sends ? 0 : (int64_t)extra);
        return want(c, sends ? EPOLLOUT | EPOLLIN : EPOLLIN);
    }
    if (extra > 0) return fail(c, "bytes out of nowhere");
    c->state = ECHO_BACK;
    if (write(c->fd, "x", 1) != 1) fail(c, "byte not taken");
}

// A kept connection may be closed at any time: clients send the request again (RFC 9112 section 9.3.1). Its time goes on.
static void try_again(struct client *c)
{
    uint64_t since = c->begun;
    reconnects++;
    begun--;
    disconnect(c);
    begin_request(c);
    c->begun = since;
}

static void on_body_end(struct client *c)
{
    succeed(c);
    c->served = 1;
    if (c->closes) {
        disconnect(c);
        reconnects++;
    }
    next_request(c);
}

static void on_head(struct client *c)
{
    ssize_t got = read(c->fd, c->head + c->head_length, HEAD_SIZE - 1 - c->head_length);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 && c->served && c->head_length == 0) return try_again(c);
    if (got <= 0) return fail(c, "connection closed");
    c->head_length += (size_t)got;
    c->head[c->head_length] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return c->head_length >= HEAD_SIZE - 1 ? fail(c, "endless head") : (void)0;
    size_t extra = c->head_length - (size_t)(end + 4 - c->head);
    end[2] = 0;
    int status = 0;
    sscanf(c->head, "HTTP/%*s %d", &status);
    if (status != 200) {
        char cause[32];
        snprintf(cause, sizeof cause, "status %d", status);
        return fail(c, cause);
    }
    if (mode != GET) return on_tunnel(c, extra);
    char *length = strcasestr(c->head, "\r\nContent-Length: ");
    c->closes = !!strcasestr(c->head, "\r\nConnection: close") || !!strcasestr(c->head, "\r\nProxy-Connection: close");
    if (!length || strtoull(length + 18, NULL, 10) != bytes) return fail(c, "wrong Content-Length");
    c->state = BODY;
    c->left = (int64_t)(bytes - extra);
    if (c->left < 0) return fail(c, "too long a body");
    if (c->left == 0) on_body_end(c);
}

static void on_body(struct client *c)
{
    for (int turn = 0; turn < 16; turn++) {
        ssize_t got = read(c->fd, scratch, SCRATCH);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return fail(c, "body broken off");
        moved += (uint64_t)got;
        c->left -= got;
        if (c->left < 0) return fail(c, "too long a body");
        if (c->left == 0) return on_body_end(c);
    }
}

static void on_echo(struct client *c)
{
    char byte;
    ssize_t got = read(c->fd, &byte, 1);
    if (got < 0 && errno == EAGAIN) return;
    if (got != 1 || byte != 'x') return fail(c, "tunnel without an echo");
    succeed(c);
    if (mode == HOLD) return rest(c, HELD);
    disconnect(c);
    next_request(c);
}

static void on_moving(struct client *c)
{
    for (int turn = 0; turn < 16 && sends && c->left > 0; turn++) {
        size_t size = c->left < SCRATCH ? (size_t)c->left : SCRATCH;
        ssize_t sent = write(c->fd, scratch, size);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) return fail(c, "tunnel broken off");
        c->left -= sent;
        c->begun = now_ns();
    }
    if (sends && c->left > 0) return;
    want(c, EPOLLIN);
    for (int turn = 0; turn < 16; turn++) {
        ssize_t got = read(c->fd, scratch, SCRATCH);
        if (got < 0 && errno == EAGAIN) return;
        // The time limit is one for silence here.
        c->begun = now_ns();
        if (sends) {
            if (got != 1 || scratch[0] != 'k') return fail(c, "not everything arrived");
        } else {
            if (got > 0) c->left -= got;
            if (got > 0 && c->left > 0) continue;
            if (c->left != 0) return fail(c, "wrong number of bytes");
        }
        moved += bytes;
        succeed(c);
        return next_request(c);
    }
}

static void serve(struct client *c)
{
    switch (c->state) {
    case CONNECTING: return on_connected(c);
    case HEAD: return on_head(c);
    case BODY: return on_body(c);
    case ECHO_BACK: return on_echo(c);
    case MOVING: return on_moving(c);
    case HELD:
        // Nobody sends on a held tunnel: its end has come.
        disconnect(c);
        c->state = UNUSED;
        return blame("held tunnel closed");
    case UNUSED: return;
    }
}

static void give_up_late_ones(void)
{
    uint64_t now = now_ns(), limit = (uint64_t)(timeout_s * 1e9);
    for (int i = 0; i < client_room; i++) {
        struct client *c = &clients[i];
        if (c->state == UNUSED || c->state == HELD || now - c->begun < limit) continue;
        fail(c, c->state == CONNECTING ? "connect timed out" : "timed out");
    }
}

static void turn(void)
{
    static uint64_t looked;
    struct epoll_event events[512];
    int n = epoll_wait(epoll_fd, events, 512, 20);
    for (int i = 0; i < n; i++) serve(events[i].data.ptr);
    if (now_ns() - looked < 50000000) return;
    looked = now_ns();
    give_up_late_ones();
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t percentile(double share)
{
    return done ? latencies[(size_t)(share * (double)(done - 1) + 0.5)] : 0;
}

// Times are microseconds; `rest50` is the median without the first request.
static void report(size_t held)
{
    uint32_t rest50 = 0;
    if (done > 1) {
        qsort(latencies + 1, done - 1, sizeof *latencies, compare);
        rest50 = latencies[1 + (done - 1) / 2];
    }
    qsort(latencies, done, sizeof *latencies, compare);
    printf("{\"done\":%zu,\"failed\":%zu,\"held\":%zu,\"seconds\":%.6f,\"bytes\":%llu,\"reconnects\":%zu,\"first\":%llu,"
           "\"rest50\":%u,\"p50\":%u,\"p99\":%u,\"max\":%u,\"causes\":{",
        done, failed, held, done ? (double)(last_done - started) / 1e9 : 0, (unsigned long long)moved, reconnects,
        (unsigned long long)first_latency, rest50, percentile(0.5), percentile(0.99), percentile(1));
    for (int i = 0; i < CAUSES && causes[i].times; i++)
        printf("%s\"%s\":%zu", i ? "," : "", causes[i].text, causes[i].times);
    puts("}}");
    fflush(stdout);
}

static void reset(void)
{
    done = failed = begun = reconnects = 0;
    moved = 0;
    memset(causes, 0, sizeof causes);
    started = last_done = now_ns();
    stop_at = started + (uint64_t)(seconds * 1e9);
}

static void make_room(int room)
{
    if (room > 60000) die("too many clients");
    for (int i = client_room; i < room; i++) {
        clients[i].fd = -1;
        clients[i].state = UNUSED;
    }
    if (room > client_room) client_room = room;
}

static void run(int first, int last, int at_once)
{
    reset();
    for (int next = first; next < last || active > 0;) {
        while (next < last && (int)active < at_once && (mode == HOLD || mode == BULK || may_begin())) {
            active++;
            begin_request(&clients[next++]);
        }
        if (mode != HOLD && mode != BULK && active == 0 && !may_begin()) break;
        if (mode == HOLD && failed >= MAX_FAILURES) last = next;
        turn();
    }
}

static size_t held_tunnels(void)
{
    size_t held = 0;
    for (int i = 0; i < client_room; i++) held += clients[i].state == HELD;
    return held;
}

static void echo_over_all(void)
{
    reset();
    for (int i = 0; i < client_room; i++) {
        struct client *c = &clients[i];
        if (c->state != HELD) continue;
        active++;
        c->begun = now_ns();
        c->state = ECHO_BACK;
        if (write(c->fd, "x", 1) != 1) fail(c, "byte not taken");
    }
    while (active > 0) turn();
}

static void obey(const char *command)
{
    int more;
    if (sscanf(command, "open %d", &more) == 1) {
        int first = client_room;
        make_room(first + more);
        run(first, first + more, client_count);
    } else if (!strncmp(command, "echo", 4)) {
        echo_over_all();
    } else {
        reset();
        for (int i = 0; i < client_room; i++) disconnect(&clients[i]);
        client_room = 0;
    }
    report(held_tunnels());
}

static void hold(void)
{
    char line[64];
    while (fgets(line, sizeof line, stdin)) obey(line);
}

static void read_arguments(int argc, char **args)
{
    static const char *const MODES[] = {"get", "connect", "bulk", "hold"};
    int known = 0;
    for (int i = 0; argc > 1 && i < 4; i++) {
        if (strcmp(args[1], MODES[i])) continue;
        mode = (enum mode)i;
        known = 1;
    }
    if (!known) die("usage: load get|connect|bulk|hold name=value...");
    for (int i = 2; i < argc; i++) {
        char *value = strchr(args[i], '=');
        if (!value) die("%s: not name=value", args[i]);
        *value++ = 0;
        const char *name = args[i];
        if (!strcmp(name, "port")) port = atoi(value);
        else if (!strcmp(name, "clients")) client_count = atoi(value);
        else if (!strcmp(name, "seconds")) seconds = atof(value);
        else if (!strcmp(name, "count")) count = atol(value);
        else if (!strcmp(name, "timeout")) timeout_s = atof(value);
        else if (!strcmp(name, "host")) host = value;
        else if (!strcmp(name, "path")) path = value;
        else if (!strcmp(name, "bytes")) bytes = strtoull(value, NULL, 10);
        else die("%s: no such argument", name);
    }
}

int main(int argc, char **args)
{
    begin();
    read_arguments(argc, args);
    sends = !strncmp(host, "sink-", 5);
    if (mode == GET) {
        snprintf(request, sizeof request,
            "GET http://%s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nProxy-Connection: keep-alive\r\n\r\n",
            host, path, host);
    } else {
        snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1.0\r\n\r\n", host, host);
    }
    clients = calloc(60000, sizeof *clients);
    if (!clients) die("no memory");
    if (mode == HOLD) {
        hold();
    } else {
        make_room(client_count);
        run(0, client_count, client_count);
        report(0);
    }
    return 0;
}
