/*
 * The floor that nobody gets under: bytes from a socket to a file, by ranged GETs over kept-alive connections, and
 * nothing else. No TLS, no hash, no redirect, no second try: a bench on loopback needs none of them.
 *
 *   pass-through <connections> <plan>
 *
 * A line of the plan is one file: port, path, size and target, separated by tabs. Each connection takes the next
 * range of whichever file comes next. Files are synced at the end, as a store must before it says "stored".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RANGE_BYTES (64L << 20)
#define BUFFER_BYTES (1 << 20)
#define HEAD_BYTES_MAX 16384
#define FILES_MAX 4096
#define CONNECTIONS_MAX 64

struct file {
  int port, target;
  long size, next;
  char path[2048];
};

static struct file files[FILES_MAX];
static int file_count, current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void read_plan(const char *name) {
  FILE *plan = fopen(name, "r");
  if (!plan) fail(name);
  char target[4096];
  while (file_count < FILES_MAX) {
    struct file *file = &files[file_count];
    if (fscanf(plan, "%d\t%2047s\t%ld\t%4095s\n", &file->port, file->path, &file->size, target) != 4) break;
    file->target = open(target, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file->target < 0) fail(target);
    file_count++;
  }
  fclose(plan);
}

static int take(struct file **file, long *offset, long *length) {
  pthread_mutex_lock(&lock);
  while (current < file_count && files[current].next >= files[current].size) current++;
  int found = current < file_count;
  if (found) {
    *file = &files[current];
    *offset = (*file)->next;
    *length = (*file)->size - *offset < RANGE_BYTES ? (*file)->size - *offset : RANGE_BYTES;
    (*file)->next += *length;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  return connection;
}

static void store(int target, const char *bytes, long length, long offset) {
  while (length > 0) {
    ssize_t written = pwrite(target, bytes, length, offset);
    if (written <= 0) fail("pwrite");
    bytes += written, length -= written, offset += written;
  }
}

/* Sends the request and reads to the end of the head. Returns the bytes of the body that came along. */
static long ask(int connection, const struct file *file, long offset, long length, char *buffer, long *begin) {
  char request[4096];
  int size = snprintf(request, sizeof request,
                      "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nRange: bytes=%ld-%ld\r\n\r\n", file->path,
                      file->port, offset, offset + length - 1);
  if (send(connection, request, size, MSG_NOSIGNAL) != size) fail("send");
  long filled = 0;
  char *end = NULL;
  while (!end) {
    if (filled >= HEAD_BYTES_MAX) fail("head too long");
    ssize_t got = read(connection, buffer + filled, BUFFER_BYTES - filled);
    if (got <= 0) fail("read head");
    filled += got;
    end = memmem(buffer, filled, "\r\n\r\n", 4);
  }
  if (strncmp(buffer, "HTTP/1.1 206", 12) != 0) {
    fprintf(stderr, "not the range that was asked for: %.60s\n", buffer);
    exit(1);
  }
  *begin = end + 4 - buffer;
  return filled - *begin;
}

static void *work(void *unused) {
  (void)unused;
  char *buffer = malloc(BUFFER_BYTES);
  int connection = -1, port = 0;
  struct file *file;
  long offset, length;
  while (take(&file, &offset, &length)) {
    if (connection < 0 || port != file->port) {
      if (connection >= 0) close(connection);
      connection = dial(port = file->port);
    }
    long begin, got = ask(connection, file, offset, length, buffer, &begin);
    store(file->target, buffer + begin, got, offset);
    for (offset += got, length -= got; length > 0; offset += got, length -= got) {
      got = read(connection, buffer, length < BUFFER_BYTES ? length : BUFFER_BYTES);
      if (got <= 0) fail("read body");
      store(file->target, buffer, got, offset);
    }
  }
  free(buffer);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  int connections = atoi(argv[1]);
  if (connections < 1 || connections > CONNECTIONS_MAX) return 64;
  read_plan(argv[2]);
  pthread_t threads[CONNECTIONS_MAX];
  for (int i = 0; i < connections; i++)
    if (pthread_create(&threads[i], NULL, work, NULL) != 0) fail("thread");
  for (int i = 0; i < connections; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < file_count; i++)
    if (fsync(files[i].target) < 0 || close(files[i].target) < 0) fail("fsync");
  return 0;
}
