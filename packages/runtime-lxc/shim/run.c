// run FLAGS DIRECTORY EXIT SOCKET MAX_SIZE MAX_FILES COMMAND...: runs COMMAND, which is lxc-start or `sandbox`, and stays with it to its end,
// whatever becomes of the process that started this one. FLAGS: `t` for a terminal, `i` for input, `o` if input ends with the first who gives
// any; `-` for none.
//
// The command gets file 3 (DIRECTORY/process, what `init` is to run), 4 (a socket to report what went wrong) and 5 (its own log); without a terminal also 6 and 7, the container's outputs.
// As soon as the process runs, DIRECTORY/started says "PID TIME", and so does the output, after "started". If it cannot be started, the output
// says "failed CODE words". Whoever makes DIRECTORY/claim first runs it, and nobody after that. DIRECTORY/shim has the process id of this program. In the end EXIT gets "CODE TIME", a line break, and words if there are any. Times are in nanoseconds.
//
// SIGTERM kills all at once, SIGHUP opens the log anew.
//
// At SOCKET one can attach. Messages both ways: a byte for the kind, three of zero, four for the length (big-endian), and the content.
//   to the shim: 0 input, 3 the end of it, 4 a size (columns and rows, two bytes each, big-endian)
//   from it:     1 output, 2 error output, 3 the exit code (one byte)
#include "../../launcher/native/system.h"

enum { CLIENTS = 16, CHUNK = 65536, HEAD = 8, SIGNALS = 0, SYNC, LOG_OF_LXC, OUT, ERR, LISTEN, INPUT, FIXED };

struct client {
  int socket;
  int has_typed;
  size used;
  // Of a message that has not come whole.
  unsigned char bytes[HEAD + CHUNK];
};

static struct {
  char *flags, *directory, *exit_path, *socket_path;
  struct log log;
  struct line out, err;
  struct client clients[CLIENTS];
  struct pollfd ends[FIXED + CLIENTS];
  struct text report, words, lxc_line;
  int master, listen, is_pipe, takes_input, is_reported, is_started;
  long command, pid;
  int code, monitor_ended, is_over;
  // Input that the container has not taken yet: until it has, nothing more is read from clients.
  size input_used, input_done;
  char input[CHUNK];
} run_state;
#define s run_state

static long now_ns(void) {
  struct timespec now;
  call(__NR_clock_gettime, 0, &now);
  return now.tv_sec * 1000000000L + now.tv_nsec;
}

static struct text path_in(const char *name) {
  struct text path = {0};
  add(&path, s.directory), add(&path, "/"), add(&path, name);
  return path;
}

static void told(const char *what, const struct text *more) {
  struct text line = {0};
  add(&line, what), add(&line, more->bytes), add(&line, "\n");
  written(1, line.bytes, line.used);
  closed(1);
  s.is_reported = 1;
}

// Once the report is closed without words, and the id is known.
static void consider_started(void) {
  if (s.is_reported || s.ends[SYNC].fd >= 0 || s.report.used > 0 || s.pid == 0) return;
  struct text line = {0};
  add_digits(&line, s.pid, 1), add(&line, " "), add_digits(&line, now_ns(), 1);
  struct text path = path_in("started");
  file_whole(path.bytes, &line);
  s.is_started = 1;
  told("started ", &line);
}

// LXC says these things nowhere but in its log.
static void read_lxc_line(const char *line) {
  const char *code = after(line, "ended on error (");
  const char *signal = after(line, "ended on signal "), *error = after(line, " ERROR ");
  if (code) s.code = (int)number(code);
  if (signal && (signal = after(signal, "("))) s.code = 128 + (int)number(signal);
  if (error && (error = after(error, " - ")) && (error = after(error, " - "))) {
    // The first is the cause, the others are what follows from it.
    if (s.words.used == 0) add(&s.words, error);
  }
}

static void read_lxc_log(void) {
  char chunk[4096];
  long some = call(__NR_read, s.ends[LOG_OF_LXC].fd, chunk, sizeof chunk);
  if (some == -EAGAIN || some == -EINTR) return;
  if (some <= 0) closed(s.ends[LOG_OF_LXC].fd), s.ends[LOG_OF_LXC].fd = -1;
  for (long at = 0; at < some; at++) {
    if (chunk[at] != '\n') {
      add(&s.lxc_line, (char[]){chunk[at], 0});
      continue;
    }
    read_lxc_line(s.lxc_line.bytes);
    s.lxc_line.used = 0, s.lxc_line.bytes[0] = 0;
  }
}

static void not_blocking(int file) { call(__NR_fcntl, file, F_SETFL, O_NONBLOCK | (file == s.master ? O_RDWR : 0)); }

static void read_report(void) {
  char chunk[1024];
  struct received got = {.file = -1};
  if (s.is_pipe) got.count = call(__NR_read, s.ends[SYNC].fd, chunk, sizeof chunk - 1);
  else got = receive(s.ends[SYNC].fd, chunk, sizeof chunk - 1);
  if (got.count == -EAGAIN || got.count == -EINTR) return;
  if (got.count > 0 && got.file < 0) {
    chunk[got.count] = 0;
    if (after(chunk, "pid ") == chunk + 4) s.pid = number(chunk + 4);
    else add(&s.report, chunk);
    return;
  }
  closed(s.ends[SYNC].fd);
  s.ends[SYNC].fd = got.file;
  if (got.file < 0) return;
  s.is_pipe = 1, s.pid = got.pid;
  not_blocking(got.file);
}

static void drop(struct client *client) {
  closed(client->socket);
  client->socket = -1;
}

static void send_to(struct client *client, int kind, const char *bytes, size count) {
  unsigned char head[HEAD] = {(unsigned char)kind, 0, 0, 0, (unsigned char)(count >> 24), (unsigned char)(count >> 16), (unsigned char)(count >> 8), (unsigned char)count};
  const char *parts[2] = {(const char *)head, bytes};
  size counts[2] = {HEAD, count};
  for (int part = 0; part < 2; part++) {
    for (size done = 0; done < counts[part];) {
      long some = call(__NR_write, client->socket, parts[part] + done, counts[part] - done);
      if (some > 0) done += (size)some;
      else if (some == -EAGAIN) {
        // Whoever watches sets the pace, but nobody can stop a container for ever.
        struct pollfd end = {.fd = client->socket, .events = POLLOUT};
        struct timespec limit = {.tv_sec = 10};
        if (call(__NR_ppoll, &end, 1, &limit, 0, 8) <= 0) return drop(client);
      } else if (some != -EINTR) return drop(client);
    }
  }
}

static void output(int which, struct line *line, int kind) {
  static char chunk[CHUNK];
  long some = call(__NR_read, s.ends[which].fd, chunk, sizeof chunk);
  if (some == -EAGAIN || some == -EINTR) return;
  if (some <= 0) {
    // A terminal that nobody has open: LXC will open it, or all is over.
    if (some == -EIO && !s.is_over) return;
    if (which == OUT || s.ends[which].fd != s.master) closed(s.ends[which].fd);
    s.ends[which].fd = -1;
    return;
  }
  log_bytes(&s.log, line, chunk, (size)some);
  for (int at = 0; at < CLIENTS; at++) if (s.clients[at].socket >= 0) send_to(&s.clients[at], kind, chunk, (size)some);
}

static void end_input(void) {
  if (s.master >= 0) return;
  closed(s.ends[INPUT].fd);
  s.ends[INPUT].fd = -1;
  s.input_used = s.input_done = 0;
}

static void give_input(void) {
  int to = s.master >= 0 ? s.master : s.ends[INPUT].fd;
  if (to < 0) s.input_used = s.input_done = 0;
  while (s.input_done < s.input_used) {
    long some = call(__NR_write, to, s.input + s.input_done, s.input_used - s.input_done);
    if (some > 0) s.input_done += (size)some;
    else if (some == -EAGAIN) return;
    else if (some != -EINTR) return end_input();
  }
  s.input_used = s.input_done = 0;
}

static void left(struct client *client) {
  drop(client);
  if (after(s.flags, "o") && client->has_typed) end_input();
}

static void message(struct client *client, int kind, const unsigned char *bytes, size count) {
  if (kind == 0 && count > 0) {
    client->has_typed = 1;
    memcpy(s.input, bytes, count);
    s.input_used = count, s.input_done = 0;
    give_input();
  }
  if (kind == 3 && after(s.flags, "o")) end_input();
  if (kind == 4 && count >= 4) resize(s.master, bytes[0] * 256u + bytes[1], bytes[2] * 256u + bytes[3]);
}

// Takes one message at a time: input that the container does not take holds the rest back.
static void read_client(struct client *client) {
  while (client->socket >= 0 && s.input_used == 0) {
    size wanted = HEAD;
    if (client->used >= HEAD) {
      const unsigned char *head = client->bytes;
      size count = (size)head[4] << 24 | (size)head[5] << 16 | (size)head[6] << 8 | head[7];
      if (count > CHUNK) return left(client);
      wanted += count;
      if (client->used == wanted) {
        client->used = 0;
        message(client, head[0], head + HEAD, count);
        continue;
      }
    }
    long some = call(__NR_read, client->socket, client->bytes + client->used, wanted - client->used);
    if (some == -EAGAIN || some == -EINTR) return;
    if (some <= 0) return left(client);
    client->used += (size)some;
  }
}

static void admit(void) {
  int socket = (int)call(__NR_accept4, s.listen, 0, 0, O_NONBLOCK | O_CLOEXEC);
  for (int at = 0; socket >= 0 && at < CLIENTS; at++) {
    if (s.clients[at].socket >= 0) continue;
    s.clients[at] = (struct client){.socket = socket};
    return;
  }
  closed(socket);
}

static void reap(void) {
  int status = 0;
  for (long pid; (pid = call(__NR_wait4, -1, &status, WNOHANG, 0)) > 0;) {
    if (pid == s.command) {
      s.monitor_ended = 1;
      int own = exit_code(status);
      if (s.code < 0 && s.is_started && own == 128 + SIGKILL && call(__NR_kill, s.pid, 0) == 0) continue; // The process went on, and is our child now.
      if (own != 0 && s.code < 0) s.code = own;
      s.is_over = 1;
    } else if (pid == s.pid) {
      s.code = exit_code(status);
      s.is_over = s.monitor_ended;
    }
  }
}

static void read_signals(void) {
  struct signalfd_siginfo info;
  if (call(__NR_read, s.ends[SIGNALS].fd, &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo == SIGHUP) open_log(&s.log);
  if (info.ssi_signo == SIGCHLD) reap();
  if (info.ssi_signo != SIGTERM) return;
  // LXC kills what it has not finished when it dies itself.
  call(__NR_kill, s.command, SIGKILL);
  if (s.pid > 0) call(__NR_kill, s.pid, SIGKILL);
}

static void listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size count = length(path);
  s.listen = -1;
  if (count == 0 || count >= sizeof address.sun_path) return;
  memcpy(address.sun_path, path, count);
  call(__NR_unlinkat, AT_FDCWD, path, 0);
  s.listen = (int)call(__NR_socket, AF_UNIX, STREAM | O_CLOEXEC | O_NONBLOCK, 0);
  if (call(__NR_bind, s.listen, &address, sizeof address) < 0) closed(s.listen), s.listen = -1;
  else call(__NR_listen, s.listen, 8);
}

struct pipe {
  int read, write;
};
static struct pipe piped(void) {
  struct pipe made = {-1, -1};
  call(__NR_pipe2, &made, O_CLOEXEC);
  return made;
}
static struct pipe socket_pair(void) {
  struct pipe made = {-1, -1};
  int yes = 1;
  call(__NR_socketpair, AF_UNIX, STREAM | O_CLOEXEC, 0, &made);
  call(__NR_setsockopt, made.read, SOCKET_LEVEL, PASS_CREDENTIALS, &yes, sizeof yes);
  return made;
}

struct plumbing {
  struct pipe in, out, err, report, log;
  int slave;
};

__attribute__((noreturn)) static void become(struct plumbing *with, char **words, char **env) {
  // Out of the way of the numbers that they get.
  int report = (int)call(__NR_fcntl, with->report.write, F_DUPFD, 20), log = (int)call(__NR_fcntl, with->log.write, F_DUPFD, 20);
  struct text path = path_in("process");
  int process = (int)call(__NR_fcntl, opened(path.bytes, READ), F_DUPFD, 20);
  // What LXC itself has to say must not get into the container's outputs: these go past it, as files 6 and 7.
  int null = (int)call(__NR_fcntl, opened("/dev/null", O_RDWR), F_DUPFD, 20), last = 5;
  if (with->slave >= 0) take_terminal(with->slave);
  else {
    int in = with->in.read >= 0 ? (int)call(__NR_fcntl, with->in.read, F_DUPFD, 20) : null;
    int out = (int)call(__NR_fcntl, with->out.write, F_DUPFD, 20), err = (int)call(__NR_fcntl, with->err.write, F_DUPFD, 20);
    call(__NR_setsid, 0);
    call(__NR_dup3, in, 0, 0), move_to(out, 6), move_to(err, 7);
    call(__NR_dup3, null, 1, 0), last = 7;
  }
  call(__NR_dup3, null, 2, 0);
  move_to(process, 3), move_to(report, 4), move_to(log, 5);
  call(__NR_close_range, last + 1, ~0U, 0);
  mask(UNBLOCK, ~0UL);
  if (same(words[0], "sandbox")) {
    int count = 0;
    while (words[count]) count++;
    sandbox(count - 1, words + 1);
  }
  call(__NR_execve, words[0], words, env);
  struct text failure = {0};
  add(&failure, "128 "), add(&failure, words[0]), add(&failure, " cannot be run");
  written(4, failure.bytes, failure.used);
  end(128);
}

static void launch(char **words, char **env) {
  struct plumbing with = {.in = {-1, -1}, .out = {-1, -1}, .err = {-1, -1}, .slave = -1};
  s.master = -1;
  if (after(s.flags, "t")) {
    s.master = terminal_master();
    with.slave = terminal_slave(s.master);
  } else {
    with.out = piped(), with.err = piped();
    if (after(s.flags, "i")) with.in = piped();
  }
  with.report = socket_pair(), with.log = piped();
  s.command = forked();
  if (s.command == 0) become(&with, words, env);
  closed(with.in.read), closed(with.out.write), closed(with.err.write), closed(with.report.write), closed(with.log.write), closed(with.slave);
  int files[FIXED] = {[SYNC] = with.report.read, [LOG_OF_LXC] = with.log.read, [OUT] = s.master >= 0 ? s.master : with.out.read,
                      [ERR] = with.err.read, [LISTEN] = s.listen, [INPUT] = with.in.write};
  for (int at = SYNC; at < FIXED; at++) {
    s.ends[at] = (struct pollfd){.fd = files[at], .events = POLLIN};
    if (files[at] >= 0) not_blocking(files[at]);
  }
}

static void wait_for_something(void) {
  // Nothing is read from clients that could not be passed on.
  s.takes_input = s.takes_input || s.master < 0 || is_taken_over(s.master);
  struct timespec soon = {.tv_nsec = 2000000};
  int is_full = s.input_used > 0 || !s.takes_input;
  s.ends[INPUT].events = is_full ? POLLOUT : 0;
  s.ends[OUT].events = (short)(POLLIN | (s.input_used > 0 && s.master >= 0 ? POLLOUT : 0));
  for (int at = 0; at < CLIENTS; at++) s.ends[FIXED + at] = (struct pollfd){.fd = s.clients[at].socket, .events = is_full ? 0 : POLLIN};
  call(__NR_ppoll, s.ends, FIXED + CLIENTS, s.takes_input ? 0 : &soon, 0, 8);
  if (s.takes_input && is_full) give_input();
  if (s.ends[LOG_OF_LXC].revents) read_lxc_log();
  if (s.ends[SYNC].revents) read_report();
  consider_started();
  if (s.ends[OUT].revents & (POLLIN | POLLHUP)) output(OUT, &s.out, 1);
  if (s.ends[ERR].revents) output(ERR, &s.err, 2);
  if (s.ends[INPUT].revents & POLLERR) end_input();
  if (s.ends[LISTEN].revents) admit();
  for (int at = 0; at < CLIENTS; at++) if (s.takes_input && s.ends[FIXED + at].revents) read_client(&s.clients[at]);
  if (s.ends[SIGNALS].revents) read_signals();
}

// What was written before the end, and has not been read yet. What processes that went on write later is nobody's.
static void drain(void) {
  for (int which = OUT; which <= ERR; which++) {
    for (int rounds = 0; s.ends[which].fd >= 0 && rounds < 4096; rounds++) {
      struct pollfd end = {.fd = s.ends[which].fd, .events = POLLIN};
      struct timespec none = {0};
      if (call(__NR_ppoll, &end, 1, &none, 0, 8) <= 0) break;
      output(which, which == OUT ? &s.out : &s.err, which == OUT ? 1 : 2);
    }
  }
  while (s.ends[LOG_OF_LXC].fd >= 0) {
    struct pollfd end = {.fd = s.ends[LOG_OF_LXC].fd, .events = POLLIN};
    struct timespec none = {0};
    if (call(__NR_ppoll, &end, 1, &none, 0, 8) <= 0) break;
    read_lxc_log();
  }
  log_end(&s.log, &s.out);
  log_end(&s.log, &s.err);
}

static void leave_word(void) {
  // A process may be over before anything was heard of its beginning.
  for (int times = 0; times < 3 && s.ends[SYNC].fd >= 0; times++) read_report();
  consider_started();
  int is_failure = s.report.used > 0 || !s.is_started;
  if (is_failure) s.code = 128;
  if (s.code < 0) s.code = 0;
  if (s.report.used > 0) s.code = (int)number(s.report.bytes);
  struct text line = {0};
  add_digits(&line, s.code, 1), add(&line, " "), add_digits(&line, now_ns(), 1), add(&line, "\n");
  const char *words = s.report.used > 0 ? after(s.report.bytes, " ") : is_failure ? s.words.bytes : "";
  add(&line, words ? words : "");
  file_whole(s.exit_path, &line);
  if (!s.is_reported) {
    struct text failure = {0};
    add_digits(&failure, s.code, 1), add(&failure, " "), add(&failure, words ? words : "");
    told("failed ", &failure);
  }
  for (int at = 0; at < CLIENTS; at++) if (s.clients[at].socket >= 0) send_to(&s.clients[at], 3, (char[]){(char)s.code}, 1);
  call(__NR_unlinkat, AT_FDCWD, s.socket_path, 0);
}

// Whoever asked may have been killed since, and another one asked anew or removed everything: nothing is ever run twice.
static void claim(void) {
  struct text path = path_in("claim"), refusal = {0};
  long file = call(__NR_openat, AT_FDCWD, path.bytes, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file >= 0) return closed((int)file);
  add(&refusal, file == -EEXIST ? "128 it was started before" : "128 it is not there any more");
  told("failed ", &refusal);
  end(1);
}

__attribute__((noreturn)) static void run_command(char **words, char **env) {
  s.flags = words[0], s.directory = words[1], s.exit_path = words[2], s.socket_path = words[3];
  claim();
  struct text log_path = path_in("log");
  s.log = (struct log){.path = log_path.bytes, .file = -1, .max_size = number(words[4]), .max_files = (int)number(words[5])};
  s.out.stream = "stdout", s.err.stream = "stderr";
  s.code = -1;
  for (int at = 0; at < CLIENTS; at++) s.clients[at].socket = -1;
  size signals = bit(SIGCHLD) | bit(SIGHUP) | bit(SIGTERM);
  mask(BLOCK, signals | bit(SIGPIPE));
  // What loses its parent, because somebody killed it, comes to us.
  call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1);
  call(__NR_prctl, PR_SET_NAME, "keelson-shim");
  s.ends[SIGNALS] = (struct pollfd){.fd = (int)call(__NR_signalfd4, -1, &signals, sizeof signals, O_CLOEXEC | O_NONBLOCK), .events = POLLIN};
  struct text own_pid = {0}, own_path = path_in("shim");
  add_digits(&own_pid, call(__NR_getpid, 0), 1);
  file_whole(own_path.bytes, &own_pid);
  if (!same(words[6], "sandbox")) open_log(&s.log);
  listen_at(s.socket_path);
  launch(words + 6, env);
  while (!s.is_over) wait_for_something();
  drain();
  leave_word();
  end(0);
}
