/*
 * Asks one server again and again: load <port> <connections> <seconds> <rate> <file> [header].
 *
 * The file holds a request a line, method and target, asked in turn for so long; the header goes with each. With a rate
 * of 0 every connection asks as soon as it has its answer: what the server can do at most. With another, requests are
 * due at fixed times, whatever the server does, and an answer's time counts from when its request was due, not from
 * when a connection was free for it: a server that stalls pays for everybody who had to wait.
 *
 * Prints one line of JSON: answers, those whose status was not 200 or 206, bytes, seconds, CPU seconds, and
 * milliseconds at the median, 99 %, 99.9 % and at most.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES_MAX = 32 << 10, CONNECTIONS_MAX = 1024, REQUESTS_MAX = 1 << 20, TIMES_MAX = 1 << 25 };

/* After the last request was due, answers are waited for so long. */
static const int64_t LINGER_NS = 10000000000;

typedef struct {
  char *text;
  size_t length;
  int is_head;
} Request;

typedef struct {
  int fd;
  int busy;
  const Request *request;
  int64_t due;
  size_t head_bytes;
  int in_body;
  int64_t body_left;
  int status;
  char head[HEAD_BYTES_MAX];
} Connection;

static Request requests[REQUESTS_MAX];
static size_t request_count, next_request;
static Connection connections[CONNECTIONS_MAX];
static uint32_t *times;
static size_t answers, failures;
static int64_t bytes;

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void read_requests(const char *name, const char *port, const char *header) {
  FILE *file = fopen(name, "r");
  if (!file) fail(name);
  char method[16], target[4096];
  while (request_count < REQUESTS_MAX && fscanf(file, "%15s %4095s", method, target) == 2) {
    Request *r = &requests[request_count++];
    int length = asprintf(&r->text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nUser-Agent: load\r\n%s%s\r\n", method,
                          target, port, header, *header ? "\r\n" : "");
    if (length < 0) fail("memory");
    r->length = (size_t)length;
    r->is_head = strcmp(method, "HEAD") == 0;
  }
  fclose(file);
  if (request_count == 0) fail("no requests");
}

static void open_connection(Connection *c, int poll, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
}

/* Requests are far smaller than a socket's buffer, which is empty: one write takes all of it. */
static void ask(Connection *c, int64_t due) {
  c->request = &requests[next_request++ % request_count];
  c->due = due;
  c->busy = 1;
  c->head_bytes = 0;
  c->in_body = 0;
  if (send(c->fd, c->request->text, c->request->length, MSG_NOSIGNAL) != (ssize_t)c->request->length) fail("send");
}

/* The head is whole: its status, and how many bytes follow. Only bodies of a declared length are understood. */
static void read_head(Connection *c) {
  c->head[c->head_bytes] = 0;
  c->status = atoi(c->head + 9);
  const char *length = strcasestr(c->head, "\r\ncontent-length:");
  if (!length && !c->request->is_head) {
    errno = EPROTO;
    fail("an answer without a length");
  }
  c->body_left = c->request->is_head ? 0 : atoll(length + 17);
  c->in_body = 1;
}

/* Takes what has come; 1 when the answer is whole. */
static int take(Connection *c) {
  static char body[256 << 10];
  for (;;) {
    if (c->in_body && c->body_left <= 0) return 1;
    if (c->in_body) {
      size_t want = c->body_left < (int64_t)sizeof body ? (size_t)c->body_left : sizeof body;
      ssize_t n = recv(c->fd, body, want, MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return 0;
      if (n <= 0) fail("the server ended a connection");
      c->body_left -= n;
      bytes += n;
      continue;
    }
    ssize_t n = recv(c->fd, c->head + c->head_bytes, HEAD_BYTES_MAX - 1 - c->head_bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) fail("the server ended a connection");
    c->head_bytes += (size_t)n;
    bytes += n;
    c->head[c->head_bytes] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) continue;
    int64_t beyond = (int64_t)c->head_bytes - (end + 4 - c->head);
    end[2] = 0;
    read_head(c);
    c->body_left -= beyond;
  }
}

static void answered(Connection *c) {
  int64_t micros = (now() - c->due) / 1000;
  if (answers < TIMES_MAX) times[answers] = micros > UINT32_MAX ? UINT32_MAX : (uint32_t)micros;
  answers++;
  if (c->status != 200 && c->status != 206) failures++;
  c->busy = 0;
}

static void wait_for(int poll, int64_t until) {
  struct epoll_event events[256];
  int64_t left = until - now();
  if (left < 0) left = 0;
  struct timespec timeout = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
  int n = epoll_pwait2(poll, events, 256, &timeout, NULL);
  for (int i = 0; i < n; i++) {
    Connection *c = events[i].data.ptr;
    if (!c->busy) fail("the server said something unasked, or ended a connection");
    if (!take(c)) continue;
    answered(c);
  }
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double quantile(double share) {
  size_t count = answers < TIMES_MAX ? answers : TIMES_MAX;
  return count == 0 ? 0 : times[(size_t)((double)(count - 1) * share)] / 1000.0;
}

int main(int argc, char **argv) {
  if (argc < 6) return 64;
  int port = atoi(argv[1]), count = atoi(argv[2]);
  int64_t duration = (int64_t)(atof(argv[3]) * 1e9), rate = atoll(argv[4]);
  if (count < 1 || count > CONNECTIONS_MAX) return 64;
  read_requests(argv[5], argv[1], argc > 6 ? argv[6] : "");
  times = malloc(sizeof *times * TIMES_MAX);
  int poll = epoll_create1(0);
  for (int i = 0; i < count; i++) open_connection(&connections[i], poll, port);

  int64_t began = now(), end = began + duration, due = began;
  int busy = 1;
  while (busy) {
    int64_t at = now();
    busy = 0;
    for (int i = 0; i < count; i++) {
      Connection *c = &connections[i];
      if (!c->busy && at < end && (rate == 0 || (due <= at && due < end))) {
        ask(c, rate == 0 ? at : due);
        if (rate > 0) due += 1000000000 / rate;
      }
      busy |= c->busy;
    }
    if (rate > 0 && due < end) busy = 1;
    if (at > end + LINGER_NS) {
      errno = ETIMEDOUT;
      fail("answers are missing");
    }
    if (busy) wait_for(poll, rate > 0 && due > at && due < end ? due : at + 100000000);
  }
  double seconds = (double)(now() - began) / 1e9;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  qsort(times, answers < TIMES_MAX ? answers : TIMES_MAX, sizeof *times, by_size);
  printf("{\"answers\":%zu,\"failures\":%zu,\"bytes\":%lld,\"seconds\":%.4f,\"cpuSeconds\":%.3f,"
         "\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"p999Ms\":%.3f,\"maxMs\":%.3f}\n",
         answers, failures, (long long)bytes, seconds, cpu, quantile(0.5), quantile(0.99), quantile(0.999),
         quantile(1));
  return 0;
}
