/*
 * Runs a command and says what it cost: measure <result file> <command> [arguments].
 *
 * Wall time by the monotonic clock; CPU time and peak memory as the kernel accounts them to the command and
 * everything it started and waited for (wait4). Peak memory is that of the largest process. Bytes for the disk are
 * those that it left to be written (ru_oublock): files in memory (tmpfs) are not among them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  pid_t child = fork();
  if (child < 0) return 71;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a bench that is broken off leaves nobody at work */
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) != child) return 71;
  clock_gettime(CLOCK_MONOTONIC, &end);
  FILE *result = fopen(argv[1], "w");
  if (!result) return 73;
  fprintf(result, "{\"seconds\":%.3f,\"user\":%.3f,\"system\":%.3f,\"peakBytes\":%ld,\"diskBytes\":%ld,\"exit\":%d}\n",
          end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9, seconds(usage.ru_utime),
          seconds(usage.ru_stime), usage.ru_maxrss * 1024L,
          usage.ru_oublock * 512L, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
  return fclose(result) == 0 ? 0 : 74;
}
