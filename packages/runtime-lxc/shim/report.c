// How the process of a container tells its shim that it runs. LXC's monitor has every file of ours open too, so the end of a pipe that the shim
// made would say nothing. The process makes a pipe of its own and sends the shim the other end: it closes when the process becomes its program.
// The kernel adds who sent it, by the id that the shim knows it by.
#pragma once
#include "../../launcher/native/system.h"

enum { SOCKET_LEVEL = 1, RIGHTS = 1, CREDENTIALS = 2, PASS_CREDENTIALS = 16 };

struct message_head {
  void *name;
  unsigned name_length;
  struct part {
    void *base;
    size length;
  } *parts;
  size part_count;
  void *control;
  size control_length;
  int flags;
};
struct control {
  size length;
  int level, type;
};
#define CONTROL_SIZE(content) ((sizeof(struct control) + (content) + 7) / 8 * 8)

// Where to write what goes wrong; it closes by itself when nothing does.
static int report_through(int socket) {
  int ends[2] = {-1, -1};
  call(__NR_pipe2, ends, O_CLOEXEC);
  struct {
    struct control head;
    int file;
  } control = {{sizeof(struct control) + sizeof(int), SOCKET_LEVEL, RIGHTS}, ends[0]};
  struct part part = {"p", 1};
  struct message_head message = {.parts = &part, .part_count = 1, .control = &control, .control_length = sizeof control};
  call(__NR_sendmsg, socket, &message, 0);
  closed(ends[0]), closed(socket);
  return ends[1];
}

struct received {
  long count, pid;
  int file;
};

static struct received receive(int socket, char *bytes, size count) {
  struct received got = {.file = -1};
  union {
    struct control head;
    char bytes[256];
  } control = {0};
  struct part part = {bytes, count};
  struct message_head message = {.parts = &part, .part_count = 1, .control = &control, .control_length = sizeof control};
  got.count = call(__NR_recvmsg, socket, &message, 0x40000000); // MSG_CMSG_CLOEXEC
  if (got.count <= 0) return got;
  for (size at = 0; at + sizeof(struct control) <= message.control_length;) {
    struct control *each = (struct control *)(control.bytes + at);
    int *content = (int *)(each + 1);
    if (each->type == RIGHTS) got.file = *content;
    if (each->type == CREDENTIALS) got.pid = *content;
    if (each->length < sizeof(struct control)) break;
    at += CONTROL_SIZE(each->length - sizeof(struct control));
  }
  return got;
}
