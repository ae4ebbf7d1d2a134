// What holds a pod's namespaces, and what reaches into them.
#include "../../launcher/native/system.h"

// The words that this program was called with: what others see of it.
static char *own_words;
static size own_words_size;

static void look_like(const char *name) {
  size count = length(name);
  if (count > own_words_size) return;
  memset(own_words, 0, own_words_size);
  memcpy(own_words, name, count);
}

static void hold(void) {
  size signals = bit(SIGTERM) | bit(SIGINT) | bit(SIGCHLD);
  // Blocked signals reach even the first process of a namespace, which ignores the others.
  mask(BLOCK, signals);
  for (;;) {
    long signal = call(__NR_rt_sigtimedwait, &signals, 0, 0, sizeof signals);
    if (signal == SIGCHLD) while (call(__NR_wait4, -1, 0, WNOHANG, 0) > 0) {}
    else if (signal > 0) end(0);
  }
}

__attribute__((noreturn)) static void cannot(const char *what, long error) {
  struct text words = {0};
  add(&words, "128 cannot ");
  add(&words, what);
  add(&words, ": error ");
  add_digits(&words, -error, 1);
  written(4, words.bytes, words.used);
  end(128);
}
static void must(const char *what, long result) {
  if (result < 0) cannot(what, result);
}

static void loopback_up(void) {
  // struct ifreq, of which only the name and the flags matter here.
  struct { char name[16]; short flags; char rest[22]; } request = {"lo", 1, {0}};
  int socket = (int)call(__NR_socket, INET, 2, 0);
  call(__NR_ioctl, socket, 0x8914, &request);
  closed(socket);
}

static void set_sysctl(char *assignment) {
  struct text path = {0};
  add(&path, "/proc/sys/");
  for (; *assignment && *assignment != '='; assignment++) add(&path, (char[]){*assignment == '.' ? '/' : *assignment, 0});
  int file = opened(path.bytes, O_WRONLY);
  must(path.bytes, file < 0 ? file : written(file, assignment + 1, length(assignment + 1)));
  closed(file);
}

// An empty place of its own: whoever sees this process must not get at the machine's files by it.
static void leave_files(const char *empty) {
  must("leave the machine's mounts", call(__NR_unshare, CLONE_NEWNS));
  call(__NR_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0);
  must("make an empty root", call(__NR_mount, "tmpfs", empty, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k"));
  // The program stays in reach for the last time.
  call(__NR_chdir, empty);
  must("change the root", call(__NR_pivot_root, ".", "."));
  call(__NR_umount2, ".", DETACH);
  call(__NR_mount, 0, "/", 0, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, 0);
}

static void report_pid(long pid) {
  struct text words = {0};
  add(&words, "pid ");
  add_digits(&words, pid, 1);
  written(4, words.bytes, words.used);
}

// sandbox NAMESPACES HOSTNAME NETNS SHM EMPTY [SYSCTL=VALUE...]: makes the namespaces (letters n, i, u and p), gives them to NETNS (a file) and
// SHM (a directory), and holds them until it is told to end. Writes to file 4 what goes wrong, or else its process id.
static void sandbox(int count, char **words) {
  const char *letters = words[0];
  long flags = (after(letters, "n") ? CLONE_NEWNET : 0) | (after(letters, "i") ? CLONE_NEWIPC : 0) |
               (after(letters, "u") ? CLONE_NEWUTS : 0) | (after(letters, "p") ? CLONE_NEWPID : 0);
  if (flags & CLONE_NEWIPC) must("mount /dev/shm", call(__NR_mount, "shm", words[3], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k"));
  must("make namespaces", call(__NR_unshare, flags));
  if (flags & CLONE_NEWUTS) must("set the host name", call(__NR_sethostname, words[1], length(words[1])));
  if (flags & CLONE_NEWNET) {
    loopback_up();
    closed(opened(words[2], WRITE));
    must("keep the network namespace", call(__NR_mount, "/proc/self/ns/net", words[2], 0, MS_BIND, 0));
  }
  for (int at = 5; at < count; at++) set_sysctl(words[at]);
  // A process namespace begins with the first child.
  long child = flags & CLONE_NEWPID ? forked() : 0;
  must("start", child);
  if (child > 0) {
    report_pid(child);
    closed(4), closed(5);
    int status = 0;
    while (call(__NR_wait4, child, &status, 0, 0) == -EINTR) {}
    end(exit_code(status));
  }
  leave_files(words[4]);
  if (!(flags & CLONE_NEWPID)) report_pid(call(__NR_getpid, 0));
  call(__NR_prctl, PR_SET_NAME, "pause");
  look_like("/pause");
  closed(4), closed(5);
  hold();
}

// sandbox-end NETNS SHM: takes away what a sandbox has mounted.
__attribute__((noreturn)) static void sandbox_end(char **words) {
  for (int at = 0; at < 2; at++) call(__NR_umount2, words[at], DETACH);
  call(__NR_unlinkat, AT_FDCWD, words[0], 0);
  end(0);
}

static int connected(unsigned short port, long *error) {
  unsigned short order = (unsigned short)(port << 8 | port >> 8);
  struct sockaddr_in four = {.sin_family = INET, .sin_port = order, .sin_addr = {0x0100007f}};
  struct sockaddr_in6 six = {.sin6_family = INET6, .sin6_port = order, .sin6_addr = {{.u6_addr8 = {[15] = 1}}}};
  int socket = (int)call(__NR_socket, INET, STREAM, 6);
  *error = call(__NR_connect, socket, &four, sizeof four);
  if (*error == 0) return socket;
  socket = (int)call(__NR_socket, INET6, STREAM, 6);
  if (socket >= 0 && call(__NR_connect, socket, &six, sizeof six) == 0) *error = 0;
  return socket;
}

// Copies what is there; 0 at the end of the input or if nobody takes it.
static int copied(int from, int to) {
  static char buffer[65536];
  long some = call(__NR_read, from, buffer, sizeof buffer);
  if (some == -EINTR || some == -EAGAIN) return 1;
  return some > 0 && written(to, buffer, (size)some) > 0;
}

static void carry(int socket) {
  struct pollfd ends[2] = {{.fd = 0, .events = POLLIN}, {.fd = socket, .events = POLLIN}};
  while (ends[1].fd >= 0) {
    if (call(__NR_ppoll, ends, 2, 0, 0) < 0) continue;
    if (ends[0].revents && !copied(0, socket)) {
      ends[0].fd = -1;
      call(__NR_shutdown, socket, SHUT_SENDING);
    }
    if (ends[1].revents && !copied(socket, 1)) ends[1].fd = -1;
  }
}

// connect NETNS PORT: a connection to the port on the loopback address there; first says how that went (one byte: 0 or the error number), then
// carries bytes both ways between the connection and its own input and output. NETNS may be `-`, for the network it is in.
__attribute__((noreturn)) static void connect_to(char **words) {
  if (!same(words[0], "-")) {
    int space = opened(words[0], READ);
    if (space < 0 || call(__NR_setns, space, CLONE_NEWNET) < 0) end(1);
  }
  long error = 0;
  int socket = connected((unsigned short)number(words[1]), &error);
  unsigned char answer = (unsigned char)-error;
  written(1, &answer, 1);
  if (error) end(1);
  mask(BLOCK, bit(SIGPIPE));
  carry(socket);
  end(0);
}

// oom MARK FILE...: makes the file MARK if one of the cgroup files says that the kernel has killed for want of memory.
__attribute__((noreturn)) static void oom(int count, char **words) {
  for (int at = 1; at < count; at++) {
    char content[4096] = {0};
    int file = opened(words[at], READ);
    if (file < 0) continue;
    call(__NR_read, file, content, sizeof content - 1);
    const char *kills = after(content, "oom_kill ");
    if (kills && number(kills) > 0) closed(opened(words[0], WRITE));
  }
  end(0);
}
