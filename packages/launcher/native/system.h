// The kernel's calls and the little of a C library that programs of ours need which are one small static file for any Linux.
#pragma once
#include <asm/ioctls.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/signalfd.h>
#include <linux/socket.h>
#include <linux/time.h>
#include <linux/un.h>
#include <linux/wait.h>

typedef unsigned long size;

#if defined(__x86_64__)
static long call6(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call run\n");
#elif defined(__aarch64__)
static long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
__asm__(".globl _start\n_start: mov x0, sp\n bl run\n");
#endif

#define PICK(_1, _2, _3, _4, _5, _6, name, ...) name
#define call(number, ...) PICK(__VA_ARGS__, CALL6, CALL5, CALL4, CALL3, CALL2, CALL1)(number, __VA_ARGS__)
#define CALL1(n, a) call6(n, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(n, a, b) call6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(n, a, b, c) call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CALL5(n, a, b, c, d, e) call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define CALL6(n, a, b, c, d, e, f) call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

enum { AF_UNIX = 1, STREAM = 1, INET = 2, INET6 = 10, SHUT_SENDING = 1, BLOCK = 0, UNBLOCK = 1, DETACH = 2 };
enum { READ = O_RDONLY, WRITE = O_WRONLY | O_CREAT };

__attribute__((noreturn)) static void end(int code) {
  for (;;) call(__NR_exit_group, code);
}

__attribute__((used)) void *memset(void *to, int byte, size count) {
  for (size at = 0; at < count; at++) ((char *)to)[at] = (char)byte;
  return to;
}
__attribute__((used)) void *memcpy(void *to, const void *from, size count) {
  for (size at = 0; at < count; at++) ((char *)to)[at] = ((const char *)from)[at];
  return to;
}
__attribute__((used)) void *memmove(void *to, const void *from, size count) {
  if (to <= from) return memcpy(to, from, count);
  while (count-- > 0) ((char *)to)[count] = ((const char *)from)[count];
  return to;
}

static size length(const char *text) {
  size count = 0;
  while (text[count]) count++;
  return count;
}
static int same(const char *one, const char *other) {
  for (; *one == *other; one++, other++) if (!*one) return 1;
  return 0;
}
// What comes after the words in the text; 0 if they are not in it.
static const char *after(const char *text, const char *words) {
  for (; *text; text++) {
    size at = 0;
    while (words[at] && text[at] == words[at]) at++;
    if (!words[at]) return text + at;
  }
  return 0;
}
static long number(const char *text) {
  long value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (*text - '0');
  return value;
}

// A text that is put together; what does not fit is left out.
struct text {
  size used;
  char bytes[4096];
};
static void add(struct text *to, const char *words) {
  while (*words && to->used + 1 < sizeof to->bytes) to->bytes[to->used++] = *words++;
  to->bytes[to->used] = 0;
}
static void add_digits(struct text *to, long value, int width) {
  char digits[24];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10), value /= 10;
  while (value > 0 || count < width);
  while (count > 0) add(to, (char[]){digits[--count], 0});
}

static int opened(const char *path, int flags) {
  return (int)call(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0644);
}
static void closed(int file) {
  if (file >= 0) call(__NR_close, file);
}
static long written(int file, const void *bytes, size count) {
  size done = 0;
  while (done < count) {
    long some = call(__NR_write, file, (const char *)bytes + done, count - done);
    if (some > 0) done += (size)some;
    else if (some != -EINTR) return some;
  }
  return (long)done;
}
// Puts a file in its place whole.
static void file_whole(const char *path, const struct text *content) {
  struct text draft = {0};
  add(&draft, path);
  add(&draft, ".new");
  int file = opened(draft.bytes, WRITE | O_TRUNC);
  if (file < 0) return;
  written(file, content->bytes, content->used);
  closed(file);
  call(__NR_renameat2, AT_FDCWD, draft.bytes, AT_FDCWD, path, 0);
}
static void move_to(int from, int to) {
  if (from != to) call(__NR_dup3, from, to, 0);
  else call(__NR_fcntl, from, F_SETFD, 0);
}
static long forked(void) { return call(__NR_clone, SIGCHLD, 0, 0, 0, 0); }
static void mask(int how, size signals) { call(__NR_rt_sigprocmask, how, &signals, 0, sizeof signals); }
static size bit(int signal) { return 1UL << (signal - 1); }
// 0 to 255, as shells count; signals from 128.
static int exit_code(int status) { return (status & 0x7f) ? 128 + (status & 0x7f) : (status >> 8) & 0xff; }
