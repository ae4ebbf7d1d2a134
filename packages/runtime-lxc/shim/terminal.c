// Terminals. LXC makes the one that a container sees, inside of it, and carries bytes between that one and ours, on which it runs itself. So ours
// must change nothing; and what is typed before LXC is ready for it would be lost.
#include "../../launcher/native/system.h"
#include <asm/termbits.h>

struct window {
  unsigned short rows, columns, x, y;
};

static int terminal_master(void) {
  int master = opened("/dev/ptmx", O_RDWR | O_NOCTTY);
  int locked = 0;
  if (master < 0) return master;
  call(__NR_ioctl, master, TIOCSPTLCK, &locked);
  struct termios settings;
  call(__NR_ioctl, master, TCGETS, &settings);
  settings.c_iflag = 0, settings.c_oflag = 0;
  settings.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
  call(__NR_ioctl, master, TCSETS, &settings);
  return master;
}
// LXC takes the terminal over by having lines no longer edited, which throws away what was typed so far. It also has line breaks changed, which the
// terminal inside has done already.
static int is_taken_over(int master) {
  struct termios settings = {.c_lflag = ICANON};
  call(__NR_ioctl, master, TCGETS, &settings);
  if (settings.c_lflag & ICANON) return 0;
  settings.c_oflag = 0;
  call(__NR_ioctl, master, TCSETS, &settings);
  return 1;
}
static int terminal_slave(int master) { return (int)call(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY); }

static void resize(int master, unsigned columns, unsigned rows) {
  struct window window = {.rows = (unsigned short)rows, .columns = (unsigned short)columns};
  call(__NR_ioctl, master, TIOCSWINSZ, &window);
}

static void take_terminal(int slave) {
  call(__NR_setsid, 0);
  call(__NR_ioctl, slave, TIOCSCTTY, 0);
  for (int file = 0; file < 3; file++) move_to(slave, file);
}

// terminal COMMAND...: runs it on a terminal. File 0 is what is typed, 1 what is shown, and 3 carries sizes: columns and rows, two bytes each.
__attribute__((noreturn)) static void terminal(char **words, char **env) {
  int master = terminal_master(), slave = terminal_slave(master);
  if (slave < 0) end(126);
  long child = forked();
  if (child == 0) {
    take_terminal(slave);
    closed(3);
    call(__NR_execve, words[0], words, env);
    end(127);
  }
  closed(slave);
  mask(BLOCK, bit(SIGPIPE));
  struct pollfd ends[3] = {{.fd = master, .events = POLLIN}, {.fd = 0, .events = POLLIN}, {.fd = 3, .events = POLLIN}};
  struct timespec soon = {.tv_nsec = 2000000};
  int is_ready = 0;
  // The terminal is over when nothing has it open any more.
  while (ends[0].fd >= 0) {
    is_ready = is_ready || is_taken_over(master);
    ends[1].events = is_ready ? POLLIN : 0;
    if (call(__NR_ppoll, ends, 3, is_ready ? 0 : &soon, 0, 8) < 0) continue;
    if (ends[2].revents) {
      unsigned short sizes[2];
      if (call(__NR_read, 3, sizes, sizeof sizes) == sizeof sizes) resize(master, sizes[0], sizes[1]);
      else ends[2].fd = -1;
    }
    if (is_ready && ends[1].revents && !copied(0, master)) {
      ends[1].fd = -1;
      // The end of what is typed, as a terminal knows it.
      written(master, "\4", 1);
    }
    if (ends[0].revents && !copied(master, 1)) ends[0].fd = -1;
  }
  closed(master);
  int status = 0;
  while (call(__NR_wait4, child, &status, 0, 0) == -EINTR) {}
  end(exit_code(status));
}
