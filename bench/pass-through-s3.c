/*
 * The floor that nobody gets under on the way into a bucket: ranged GETs into the parts of multipart uploads, over
 * kept-alive connections, and nothing else. No TLS, no hash, no signature of a body, no second try.
 *
 *   pass-through-s3 <connections> <plan>
 *
 * The plan, made beforehand, has the uploads begun and every URL signed. Lines, with tabs between the fields:
 *
 *   file  <port> <path> <size> <part size> <parts> <port of the store> <path that completes the upload>
 *   part  <path that takes the part>                        as many as the file has, in their order
 *
 * Each connection takes the next part of whichever file comes next; who brings the last part of a file completes it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (1 << 20)
#define HEAD_BYTES_MAX 16384
#define ETAG_BYTES_MAX 128
#define PATH_BYTES_MAX 2048
#define FILES_MAX 4096
#define PARTS_MAX 10000
#define CONNECTIONS_MAX 64

struct part {
  char *path, etag[ETAG_BYTES_MAX];
};
struct file {
  int port, store, parts, next, left;
  long size, part_bytes;
  char *path, *complete;
  struct part *part;
};
struct connection {
  int socket, port;
};

static struct file files[FILES_MAX];
static int file_count, current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void refuse(const char *what, const char *answer) {
  fprintf(stderr, "%s: %.300s\n", what, answer);
  exit(1);
}

static void read_plan(const char *name) {
  FILE *plan = fopen(name, "r");
  if (!plan) fail(name);
  char path[PATH_BYTES_MAX], complete[PATH_BYTES_MAX];
  while (file_count < FILES_MAX) {
    struct file *file = &files[file_count];
    if (fscanf(plan, "file\t%d\t%2047s\t%ld\t%ld\t%d\t%d\t%2047s\n", &file->port, path, &file->size, &file->part_bytes,
               &file->parts, &file->store, complete) != 7)
      break;
    if (file->parts < 1 || file->parts > PARTS_MAX) refuse("plan", path);
    file->path = strdup(path), file->complete = strdup(complete);
    file->left = file->parts;
    file->part = calloc(file->parts, sizeof *file->part);
    for (int i = 0; i < file->parts; i++) {
      if (fscanf(plan, "part\t%2047s\n", path) != 1) refuse("plan", complete);
      file->part[i].path = strdup(path);
    }
    file_count++;
  }
  if (!feof(plan)) refuse("plan", "not understood to its end");
  fclose(plan);
}

static int take(struct file **file, int *part) {
  pthread_mutex_lock(&lock);
  while (current < file_count && files[current].next >= files[current].parts) current++;
  int found = current < file_count;
  if (found) *file = &files[current], *part = (*file)->next++;
  pthread_mutex_unlock(&lock);
  return found;
}

static int is_last(struct file *file) {
  pthread_mutex_lock(&lock);
  int last = --file->left == 0;
  pthread_mutex_unlock(&lock);
  return last;
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1, connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return connection;
}

static int reach(struct connection *connection, int port) {
  if (connection->socket >= 0 && connection->port != port) close(connection->socket), connection->socket = -1;
  if (connection->socket < 0) connection->socket = dial(connection->port = port);
  return connection->socket;
}

static void send_all(int socket, const char *bytes, long length) {
  while (length > 0) {
    ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
    if (sent <= 0) fail("send");
    bytes += sent, length -= sent;
  }
}

/* Reads to the end of a head, which is closed by a NUL. Returns what came of the body, which begins at `*body`. */
static long read_head(int socket, char *buffer, char **body) {
  long filled = 0;
  char *end = NULL;
  while (!end) {
    if (filled >= HEAD_BYTES_MAX) refuse("head too long", buffer);
    ssize_t got = read(socket, buffer + filled, BUFFER_BYTES - filled);
    if (got <= 0) fail("read head");
    filled += got;
    end = memmem(buffer, filled, "\r\n\r\n", 4);
  }
  end[3] = 0;
  *body = end + 4;
  return filled - (*body - buffer);
}

static const char *header(const char *head, const char *name) {
  for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
    if (strncasecmp(line + 2, name, strlen(name)) == 0 && line[2 + strlen(name)] == ':')
      return line + 3 + strlen(name) + strspn(line + 3 + strlen(name), " ");
  return NULL;
}

static void skip_body(int socket, const char *head, long got, char *buffer) {
  const char *length = header(head, "Content-Length");
  if (!length) refuse("an answer without a length", head);
  for (long left = atol(length) - got; left > 0; left -= got) {
    got = read(socket, buffer, left < BUFFER_BYTES ? left : BUFFER_BYTES);
    if (got <= 0) fail("read answer");
  }
}

static void move(struct file *file, int number, struct connection *source, struct connection *store, char *buffer) {
  long offset = number * file->part_bytes;
  long length = file->size - offset < file->part_bytes ? file->size - offset : file->part_bytes;
  char request[PATH_BYTES_MAX + 256], *body;
  int in = reach(source, file->port), out = reach(store, file->store);
  int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nRange: bytes=%ld-%ld\r\n\r\n",
                      file->path, file->port, offset, offset + length - 1);
  send_all(in, request, size);
  size = snprintf(request, sizeof request, "PUT %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %ld\r\n\r\n",
                  file->part[number].path, file->store, length);
  send_all(out, request, size);
  long got = read_head(in, buffer, &body);
  if (strncmp(buffer, "HTTP/1.1 206", 12) != 0) refuse("not the range that was asked for", buffer);
  send_all(out, body, got);
  for (length -= got; length > 0; length -= got) {
    got = read(in, buffer, length < BUFFER_BYTES ? length : BUFFER_BYTES);
    if (got <= 0) fail("read body");
    send_all(out, buffer, got);
  }
  got = read_head(out, buffer, &body);
  const char *etag = header(buffer, "ETag");
  if (strncmp(buffer, "HTTP/1.1 200", 12) != 0 || !etag) refuse("a part was not taken", buffer);
  snprintf(file->part[number].etag, ETAG_BYTES_MAX, "%.*s", (int)strcspn(etag, "\r\n"), etag);
  skip_body(out, buffer, got, buffer);
}

/* Stores may answer slowly and in pieces here: the connection is closed by them, and the end of it is the end. */
static void complete(struct file *file, char *buffer) {
  char *list = malloc(64 + file->parts * (ETAG_BYTES_MAX + 80L));
  long size = sprintf(list, "<CompleteMultipartUpload>");
  for (int i = 0; i < file->parts; i++)
    size += sprintf(list + size, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i + 1, file->part[i].etag);
  size += sprintf(list + size, "</CompleteMultipartUpload>");
  int socket = dial(file->store);
  char request[PATH_BYTES_MAX + 256];
  int head = snprintf(request, sizeof request,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nContent-Length: %ld\r\n\r\n",
                      file->complete, file->store, size);
  send_all(socket, request, head);
  send_all(socket, list, size);
  long filled = 0, got;
  while (filled < BUFFER_BYTES - 1 && (got = read(socket, buffer + filled, BUFFER_BYTES - 1 - filled)) > 0) filled += got;
  buffer[filled] = 0;
  if (strncmp(buffer, "HTTP/1.1 200", 12) != 0 || strstr(buffer, "<Error>")) refuse("not completed", buffer);
  close(socket);
  free(list);
}

static void *work(void *unused) {
  (void)unused;
  char *buffer = malloc(BUFFER_BYTES);
  struct connection source = {-1, 0}, store = {-1, 0};
  struct file *file;
  int part;
  while (take(&file, &part)) {
    move(file, part, &source, &store, buffer);
    if (is_last(file)) complete(file, buffer);
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
  return 0;
}
