// launcher: starts programs for a process that is too large to fork by itself: the kernel copies the tables of all its memory each time.
//
// Messages on its input: four bytes for the length (little-endian), then words, each ended by a zero byte.
//   start TAG DIRECTORY FILES COUNT WORD... VARIABLE...   runs the COUNT words, in a session of its own. FILES has a letter for each of its files,
//                                                         from 0 on: `n` for /dev/null, `i` for a pipe to read from, `o` for one to write to
//   close FILE...                                         whoever asked has opened our ends of the pipes, by /proc, and so we close them
// Lines on its output:
//   started TAG PID FILE...   our end for each file, `-` where there is none
//   failed TAG ERROR          it cannot be run (may come before or after "started")
//   ended PID STATUS          as wait() has it
// It ends with its input; programs go on.
#include "system.h"

enum { MAX_MESSAGE = 2 * 1024 * 1024, MAX_WORDS = 16384, MAX_FILES = 16, OUT_OF_THE_WAY = 64, LENGTH = 4, CLOSE_ON_EXEC = 4 };

static unsigned char input[MAX_MESSAGE];
static size input_used;
static char *words[MAX_WORDS];
static int answers;

struct ends {
  int own[MAX_FILES], other[MAX_FILES];
};

static void say(struct text *line) {
  add(line, "\n");
  written(answers, line->bytes, line->used);
}

static void add_number(struct text *to, long value) {
  add(to, " ");
  add_digits(to, value, 1);
}

__attribute__((noreturn)) static void cannot(const char *tag, long error) {
  struct text line = {0};
  add(&line, "failed ");
  add(&line, tag);
  add_number(&line, -error);
  say(&line);
  end(127);
}

__attribute__((noreturn)) static void become(const char *tag, const char *directory, struct ends *ends, int count, char **argv, char **env) {
  call(__NR_setsid, 0);
  for (int at = 0; at < count; at++) {
    int from = ends->other[at] >= 0 ? ends->other[at] : opened("/dev/null", O_RDWR);
    ends->other[at] = (int)call(__NR_fcntl, from, F_DUPFD, OUT_OF_THE_WAY);
  }
  for (int at = 0; at < count; at++) call(__NR_dup3, ends->other[at], at, 0);
  // What is left closes when the program begins, and until then tells that it cannot.
  call(__NR_close_range, count, ~0U, CLOSE_ON_EXEC);
  long error = call(__NR_chdir, directory);
  if (error < 0) cannot(tag, error);
  mask(UNBLOCK, ~0UL);
  cannot(tag, call(__NR_execve, argv[0], argv, env));
}

static long make_ends(struct ends *ends, const char *letters) {
  for (int at = 0; letters[at]; at++) {
    ends->own[at] = ends->other[at] = -1;
    if (letters[at] == 'n') continue;
    int made[2];
    long error = call(__NR_pipe2, made, O_CLOEXEC);
    if (error < 0) return error;
    int is_input = letters[at] == 'i';
    ends->own[at] = made[is_input], ends->other[at] = made[!is_input];
  }
  return 0;
}

static void start(int count) {
  const char *tag = words[1], *directory = words[2], *letters = words[3];
  int files = (int)length(letters), word_count = (int)number(words[4]);
  struct ends ends;
  memset(&ends, -1, sizeof ends);
  char **argv = words + 5, **env = argv + word_count;
  if (files > MAX_FILES || files < 3 || word_count < 1 || word_count + 5 > count) return;
  // The list of words needs an end: the first variable moves up to make room for it.
  for (int at = count; at > word_count + 5; at--) words[at] = words[at - 1];
  words[word_count + 5] = 0, words[count + 1] = 0, env++;
  long error = make_ends(&ends, letters);
  long pid = error < 0 ? error : forked();
  if (pid == 0) become(tag, directory, &ends, files, argv, env);
  for (int at = 0; at < files; at++) closed(ends.other[at]);
  struct text line = {0};
  add(&line, pid < 0 ? "failed " : "started ");
  add(&line, tag);
  add_number(&line, pid < 0 ? -pid : pid);
  for (int at = 0; at < files && pid > 0; at++) {
    if (ends.own[at] >= 0) add_number(&line, ends.own[at]);
    else add(&line, " -");
  }
  if (pid < 0) for (int at = 0; at < files; at++) closed(ends.own[at]);
  say(&line);
}

static void take(char *at, const char *last) {
  int count = 0;
  for (; at < last && count < MAX_WORDS - 2; at += length(at) + 1) words[count++] = at;
  if (count > 5 && same(words[0], "start")) start(count);
  if (count > 1 && same(words[0], "close")) for (int each = 1; each < count; each++) closed((int)number(words[each]));
}

static void read_messages(void) {
  long some = call(__NR_read, 0, input + input_used, sizeof input - input_used);
  if (some == -EINTR) return;
  if (some <= 0) end(0);
  input_used += (size)some;
  while (input_used >= LENGTH) {
    size count = input[0] | (size)input[1] << 8 | (size)input[2] << 16 | (size)input[3] << 24;
    if (count > sizeof input - LENGTH) end(1);
    if (input_used < LENGTH + count) return;
    take((char *)input + LENGTH, (char *)input + LENGTH + count);
    input_used -= LENGTH + count;
    memmove(input, input + LENGTH + count, input_used);
  }
}

static void reap(int signals) {
  struct signalfd_siginfo info;
  call(__NR_read, signals, &info, sizeof info);
  int status = 0;
  for (long pid; (pid = call(__NR_wait4, -1, &status, WNOHANG, 0)) > 0;) {
    struct text line = {0};
    add(&line, "ended");
    add_number(&line, pid);
    add_number(&line, status);
    say(&line);
  }
}

__attribute__((used, noreturn)) static void run(void) {
  // Whoever ends all processes of a service, say, ends those first that have started programs: it ends with its input.
  size child = bit(SIGCHLD), patient = bit(SIGTERM) | bit(SIGINT) | bit(SIGHUP);
  // What others have left open is no concern of programs.
  call(__NR_close_range, 3, ~0U, 0);
  mask(BLOCK, child | patient);
  call(__NR_prctl, PR_SET_NAME, "keelson-launch");
  answers = (int)call(__NR_fcntl, 1, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY * 2);
  closed(1);
  struct pollfd ends[2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
  ends[1].fd = (int)call(__NR_signalfd4, -1, &child, sizeof child, O_CLOEXEC | O_NONBLOCK);
  for (;;) {
    if (call(__NR_ppoll, ends, 2, 0, 0, 8) < 0) continue;
    if (ends[1].revents) reap(ends[1].fd);
    if (ends[0].revents) read_messages();
  }
}
