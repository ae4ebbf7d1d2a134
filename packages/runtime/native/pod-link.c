// Joins network namespaces of pods to a bridge, by the kernel's netlink, and takes them off again.
//   pod-link add BRIDGE HOST_NAME POD_NETNS POD_NAME MAC [ADDRESS/PREFIX/GATEWAY]...   a pair of interfaces: one is a port of the bridge, which sends
//       a pod's packets also back to itself; the other is in the pod, with addresses, and routes to everywhere. The pod's loopback interface is up, too
//   pod-link del HOST_NAME      takes the pair away; nothing happens if it is not there
// MAC, ADDRESS and GATEWAY are in hexadecimal digits. What goes wrong is told on the error output: words and an error number.
#include "../../launcher/native/system.h"
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

enum { NAME_SIZE = 16, IS_UP = 1, NETLINK_KIND = 16, RAW = 3, ROUTE = 0, BRIDGE_FAMILY = 7, GET_INDEX = 0x8933, MORE = NLM_F_CREATE | NLM_F_EXCL, ANSWER = 8192 };

struct request {
  struct nlmsghdr head;
  char body[2048];
};

__attribute__((noreturn)) static void failed(const char *what, long error) {
  struct text line = {0};
  add(&line, "cannot ");
  add(&line, what);
  add(&line, ": error ");
  add_digits(&line, -error, 1);
  add(&line, "\n");
  written(2, line.bytes, line.used);
  end(1);
}
static long must(const char *what, long result) {
  if (result < 0) failed(what, result);
  return result;
}

static void *put(struct request *to, const void *content, size count) {
  char *at = (char *)to + to->head.nlmsg_len;
  memcpy(at, content, count);
  to->head.nlmsg_len += NLMSG_ALIGN(count);
  return at;
}
static struct rtattr *attribute(struct request *to, unsigned short kind, const void *content, size count) {
  struct rtattr head = {(unsigned short)(sizeof head + count), kind};
  struct rtattr *at = put(to, &head, sizeof head);
  put(to, content, count);
  return at;
}
static void text_attribute(struct request *to, unsigned short kind, const char *words) { attribute(to, kind, words, length(words) + 1); }
static struct rtattr *nest(struct request *to, unsigned short kind) { return attribute(to, kind, "", 0); }
static void nested(struct request *to, struct rtattr *start) { start->rta_len = (unsigned short)((char *)to + to->head.nlmsg_len - (char *)start); }

static struct request request(unsigned short kind, unsigned short flags, const void *head, size count) {
  struct request made = {.head = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = kind, .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags)}};
  put(&made, head, count);
  return made;
}

// The kernel's answer: 0, or a negative error number.
static long asked(int socket, struct request *what) {
  long sent = call(__NR_sendto, socket, what, what->head.nlmsg_len, 0, 0, 0);
  if (sent < 0) return sent;
  static char answer[ANSWER];
  long some = call(__NR_recvfrom, socket, answer, sizeof answer, 0, 0, 0);
  if (some < 0) return some;
  struct nlmsghdr *head = (struct nlmsghdr *)answer;
  return head->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(head))->error : 0;
}

static int netlink(void) { return (int)must("speak netlink", call(__NR_socket, NETLINK_KIND, RAW | O_CLOEXEC, ROUTE)); }

static void enter(const char *space) {
  int file = opened(space, READ);
  must("enter the pod's network namespace", file < 0 ? file : call(__NR_setns, file, CLONE_NEWNET));
  closed(file);
}

static int index_of(const char *name) {
  struct { char name[NAME_SIZE]; int index; char rest[20]; } wanted = {0};
  size count = length(name);
  if (count >= NAME_SIZE) return -ENODEV;
  memcpy(wanted.name, name, count);
  int socket = (int)call(__NR_socket, INET, 2 | O_CLOEXEC, 0);
  long error = call(__NR_ioctl, socket, GET_INDEX, &wanted);
  closed(socket);
  return error < 0 ? (int)error : wanted.index;
}

static size bytes_of(const char *hex, unsigned char *to, size most) {
  size count = 0;
  for (; count < most && *hex && *hex != '/'; hex += 2, count++) {
    int value = 0;
    for (int at = 0; at < 2; at++) value = value * 16 + (hex[at] >= 'a' ? hex[at] - 'a' + 10 : hex[at] - '0');
    to[count] = (unsigned char)value;
  }
  return count;
}

static void add_pair(int socket, char **words, int bridge) {
  unsigned char mac[6];
  struct ifinfomsg any = {0};
  int space = opened(words[3], READ);
  must("open the pod's network namespace", space);
  struct request made = request(RTM_NEWLINK, MORE, &any, sizeof any);
  text_attribute(&made, IFLA_IFNAME, words[2]);
  attribute(&made, IFLA_MASTER, &bridge, sizeof bridge);
  struct rtattr *info = nest(&made, IFLA_LINKINFO);
  text_attribute(&made, IFLA_INFO_KIND, "veth");
  struct rtattr *data = nest(&made, IFLA_INFO_DATA), *peer = nest(&made, VETH_INFO_PEER);
  put(&made, &any, sizeof any);
  text_attribute(&made, IFLA_IFNAME, words[4]);
  attribute(&made, IFLA_ADDRESS, mac, bytes_of(words[5], mac, sizeof mac));
  attribute(&made, IFLA_NET_NS_FD, &space, sizeof space);
  nested(&made, peer), nested(&made, data), nested(&made, info);
  must("make a pair of interfaces", asked(socket, &made));
  closed(space);
}

static void up(int socket, int index) {
  struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IS_UP, .ifi_change = IS_UP};
  struct request made = request(RTM_NEWLINK, 0, &link, sizeof link);
  must("set an interface up", asked(socket, &made));
}

// Packets of a pod to itself by way of a service leave by the port that they came by.
static void send_back(int socket, int index) {
  struct ifinfomsg link = {.ifi_family = BRIDGE_FAMILY, .ifi_index = index};
  unsigned char yes = 1;
  struct request made = request(RTM_SETLINK, 0, &link, sizeof link);
  struct rtattr *port = nest(&made, IFLA_PROTINFO | NLA_F_NESTED);
  attribute(&made, IFLA_BRPORT_MODE, &yes, sizeof yes);
  nested(&made, port);
  must("set the port of the bridge", asked(socket, &made));
}

// Where there is no such setting there is no such kind of address.
static void set(const char *kind, const char *name, const char *setting, const char *value) {
  struct text path = {0};
  add(&path, "/proc/sys/net/"), add(&path, kind), add(&path, "/conf/"), add(&path, name), add(&path, "/"), add(&path, setting);
  int file = opened(path.bytes, O_WRONLY);
  if (file >= 0) written(file, value, length(value));
  closed(file);
}

static void add_address(int socket, int index, const char *words) {
  unsigned char address[16], last[4];
  size count = bytes_of(words, address, sizeof address);
  unsigned char prefix = (unsigned char)number(after(words, "/")), family = count == 4 ? INET : INET6;
  struct ifaddrmsg head = {.ifa_family = family, .ifa_prefixlen = prefix, .ifa_flags = family == INET6 ? IFA_F_NODAD : 0, .ifa_index = (unsigned)index};
  struct request made = request(RTM_NEWADDR, MORE, &head, sizeof head);
  attribute(&made, IFA_LOCAL, address, count);
  attribute(&made, IFA_ADDRESS, address, count);
  for (int at = 0; family == INET && at < 4; at++) {
    int fixed = prefix >= 8 * (at + 1) ? 8 : prefix > 8 * at ? prefix - 8 * at : 0;
    last[at] = (unsigned char)(address[at] | (0xff >> fixed));
  }
  if (family == INET && prefix < 31) attribute(&made, IFA_BROADCAST, last, sizeof last);
  must("give an address", asked(socket, &made));
}

static void add_route(int socket, const char *words) {
  unsigned char gateway[16];
  const char *at = after(after(words, "/"), "/");
  size count = bytes_of(at, gateway, sizeof gateway);
  struct rtmsg head = {.rtm_family = count == 4 ? INET : INET6, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  struct request made = request(RTM_NEWROUTE, MORE, &head, sizeof head);
  attribute(&made, RTA_GATEWAY, gateway, count);
  must("add a route", asked(socket, &made));
}

// Whoever made the namespace may have turned IPv6 off in it, as Docker does.
static void allow_ipv6(const char *name, const char *words) {
  unsigned char address[16];
  if (bytes_of(words, address, sizeof address) == 4) return;
  set("ipv6", "lo", "disable_ipv6", "0");
  set("ipv6", name, "disable_ipv6", "0");
}

// BRIDGE HOST_NAME POD_NETNS POD_NAME MAC ADDRESSES..., from words[1] on.
static void add_pod(char **words, int count) {
  int bridge = (int)must("find the bridge", index_of(words[1])), node = netlink();
  add_pair(node, words, bridge);
  int port = (int)must("find what was made", index_of(words[2]));
  set("ipv6", words[2], "accept_ra", "0");
  up(node, port);
  send_back(node, port);
  enter(words[3]);
  int pod = netlink(), index = (int)must("find what was made in the pod", index_of(words[4]));
  set("ipv6", words[4], "accept_dad", "0");
  set("ipv4", words[4], "arp_notify", "1");
  for (int at = 6; at < count; at++) allow_ipv6(words[4], words[at]), add_address(pod, index, words[at]);
  up(pod, (int)must("find the loopback interface", index_of("lo")));
  up(pod, index);
  for (int at = 6; at < count; at++) add_route(pod, words[at]);
}

static void remove_pair(const char *name) {
  int index = index_of(name);
  if (index == -ENODEV) return;
  struct ifinfomsg link = {.ifi_index = (int)must("find an interface", index)};
  struct request made = request(RTM_DELLINK, 0, &link, sizeof link);
  long error = asked(netlink(), &made);
  // It may go with its namespace at any time.
  if (error != -ENODEV && error != -EINVAL) must("remove an interface", error);
}

__attribute__((used, noreturn)) static void run(long *stack) {
  long count = *stack;
  char **words = (char **)(stack + 1);
  if (count >= 7 && same(words[1], "add")) {
    add_pod(words + 1, (int)count - 1);
    end(0);
  }
  if (count == 3 && same(words[1], "del")) {
    remove_pair(words[2]);
    end(0);
  }
  end(2);
}
