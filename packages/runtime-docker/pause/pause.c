// The process of a sandbox. Without arguments it holds the pod's namespaces: it reaps what is left to it and ends on SIGTERM or SIGINT.
// With a port it is run beside that process, in the pod's network: it connects to the port on the loopback address, says on its output
// how that went (one byte: 0 or the error number), and then carries bytes both ways between the connection and its own input and output.
//
// No C library, so that the image is this one file of about 2 KB. `build.sh` makes it.
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/socket.h>

#if defined(__x86_64__)
static long call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(0L) : "rcx", "r11", "memory");
  return result;
}
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call run\n");
#elif defined(__aarch64__)
static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = 0;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
__asm__(".globl _start\n_start: mov x0, sp\n bl run\n");
#endif

enum { TCP = 6, STREAM = 1, INET = 2, INET6 = 10, SHUT_SENDING = 1, BLOCK = 0, NO_HANG = 1 };

static void end(int code) {
  for (;;) call(__NR_exit_group, code, 0, 0, 0);
}

static void hold(void) {
  unsigned long signals = 1UL << (SIGTERM - 1) | 1UL << (SIGINT - 1) | 1UL << (SIGCHLD - 1);
  // Blocked signals reach even the first process of a namespace, which ignores the others.
  call(__NR_rt_sigprocmask, BLOCK, (long)&signals, 0, sizeof signals);
  for (;;) {
    long signal = call(__NR_rt_sigtimedwait, (long)&signals, 0, 0, sizeof signals);
    if (signal == SIGCHLD) while (call(__NR_wait4, -1, 0, NO_HANG, 0) > 0) {}
    else if (signal > 0) end(0);
  }
}

static int connected(unsigned short port, long *error) {
  unsigned short order = (unsigned short)(port << 8 | port >> 8);
  struct sockaddr_in four = {.sin_family = INET, .sin_port = order, .sin_addr = {0x0100007f}};
  struct sockaddr_in6 six = {.sin6_family = INET6, .sin6_port = order, .sin6_addr = {{.u6_addr8 = {[15] = 1}}}};
  int socket = (int)call(__NR_socket, INET, STREAM, TCP, 0);
  *error = call(__NR_connect, socket, (long)&four, sizeof four, 0);
  if (*error == 0) return socket;
  socket = (int)call(__NR_socket, INET6, STREAM, TCP, 0);
  if (socket >= 0 && call(__NR_connect, socket, (long)&six, sizeof six, 0) == 0) *error = 0;
  return socket;
}

// Copies what is there; 0 at the end of the input or if nobody takes it.
static int copied(int from, int to) {
  static char buffer[65536];
  long length = call(__NR_read, from, (long)buffer, sizeof buffer, 0);
  if (length == -EINTR) return 1;
  for (long done = 0; done < length;) {
    long written = call(__NR_write, to, (long)(buffer + done), length - done, 0);
    if (written > 0) done += written;
    else if (written != -EINTR) return 0;
  }
  return length > 0;
}

static void carry(int socket) {
  struct pollfd ends[2] = {{.fd = 0, .events = POLLIN}, {.fd = socket, .events = POLLIN}};
  while (ends[1].fd >= 0) {
    if (call(__NR_ppoll, (long)ends, 2, 0, 0) < 0) continue;
    if (ends[0].revents && !copied(0, socket)) {
      ends[0].fd = -1;
      call(__NR_shutdown, socket, SHUT_SENDING, 0, 0);
    }
    if (ends[1].revents && !copied(socket, 1)) ends[1].fd = -1;
  }
}

__attribute__((used)) static void run(long *stack) {
  char **words = (char **)(stack + 1);
  if (*stack < 2) hold();
  unsigned short port = 0;
  for (const char *digit = words[1]; *digit; digit++) port = (unsigned short)(port * 10 + (*digit - '0'));
  long error = 0;
  int socket = connected(port, &error);
  unsigned char answer = (unsigned char)-error;
  call(__NR_write, 1, (long)&answer, 1, 0);
  if (error) end(1);
  unsigned long pipe = 1UL << (SIGPIPE - 1);
  call(__NR_rt_sigprocmask, BLOCK, (long)&pipe, 0, sizeof pipe);
  carry(socket);
  end(0);
}
