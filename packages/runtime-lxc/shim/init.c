// init FLAGS PROCESS REPORT: inside a container, becomes its process. File PROCESS has, each ended by a zero byte: the working directory, how
// many words the command has, these words, and the environment. What goes wrong is told through file REPORT, as "CODE words". FLAGS: `e` for a command beside the container's own process: instead of REPORT there is who it
// becomes, and what goes wrong is told to people; `d` to end when the parent does; `s` to have files 6 and 7 as outputs; `-` for none.
#include "report.c"

enum { NOT_FOUND = 127, NOT_RUN = 126, MAX_WORDS = 16384, CLOSE_ON_EXEC = 4 };
static char process_bytes[4 * 1024 * 1024];
static char *process_words[MAX_WORDS], *process_env[MAX_WORDS];

struct report {
  int file;
  int for_people;
};

__attribute__((noreturn)) static void give_up(struct report to, int code, const char *what, const char *why) {
  struct text words = {0};
  if (to.for_people) add(&words, "OCI runtime exec failed: ");
  else add_digits(&words, code, 1), add(&words, " ");
  add(&words, "exec: \"");
  add(&words, what);
  add(&words, "\": ");
  add(&words, why);
  if (to.for_people) add(&words, "\n");
  written(to.file, words.bytes, words.used);
  end(code);
}

static const char *reason(long error) {
  switch (-error) {
    case ENOENT: return "no such file or directory";
    case EACCES: return "permission denied";
    case ENOEXEC: return "exec format error";
    case ENOTDIR: return "not a directory";
    case E2BIG: return "argument list too long";
    case ELOOP: return "too many levels of symbolic links";
    case EISDIR: return "is a directory";
    default: return "cannot be run";
  }
}

static int has_slash(const char *word) {
  for (; *word; word++) if (*word == '/') return 1;
  return 0;
}

static long tried(const char *path) { return call(__NR_execve, path, process_words, process_env); }

// As shells look for it: what may not be run is passed over, and told if nothing else is found.
static long found_in_path(const char *name, const char *path) {
  long error = -ENOENT;
  while (*path) {
    struct text candidate = {0};
    while (*path && *path != ':') add(&candidate, (char[]){*path++, 0});
    if (*path == ':') path++;
    if (candidate.used == 0) continue;
    add(&candidate, "/");
    add(&candidate, name);
    long each = tried(candidate.bytes);
    if (each != -ENOENT && each != -ENOTDIR) error = each;
  }
  return error;
}

static const char *path_of(char **env) {
  for (; *env; env++) {
    const char *value = after(*env, "PATH=");
    if (value == *env + 5) return value;
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// Splits the file; the working directory is what is returned.
static char *read_process(int file) {
  size used = 0;
  for (long some; used < sizeof process_bytes - 1 && (some = call(__NR_read, file, process_bytes + used, sizeof process_bytes - 1 - used)) > 0;)
    used += (size)some;
  closed(file);
  char *at = process_bytes, *last = process_bytes + used, *directory = at;
  at += length(at) + 1;
  long words = number(at), count = 0;
  at += length(at) + 1;
  for (; at < last && count < MAX_WORDS - 1 && words > 0; words--, at += length(at) + 1) process_words[count++] = at;
  for (count = 0; at < last && count < MAX_WORDS - 1; at += length(at) + 1) process_env[count++] = at;
  return directory;
}

// UID GID GROUPS CAPABILITIES NO_NEW_PRIVILEGES: numbers, several groups with commas between them, capabilities as a mask.
static void become_user(char **words) {
  enum { MAX_GROUPS = 1024, VERSION_3 = 0x20080522, LAST_CAPABILITY = 63 };
  long uid = number(words[0]), gid = number(words[1]), capabilities = number(words[3]);
  unsigned groups[MAX_GROUPS], count = 0;
  for (const char *at = words[2]; at && *at != '-' && count < MAX_GROUPS; at = after(at, ",")) groups[count++] = (unsigned)number(at);
  for (int each = 0; each <= LAST_CAPABILITY; each++)
    if (!((unsigned long)capabilities >> each & 1)) call(__NR_prctl, PR_CAPBSET_DROP, each);
  call(__NR_setgroups, count, groups);
  call(__NR_setresgid, gid, gid, gid);
  call(__NR_setresuid, uid, uid, uid);
  // Root keeps what it is given; anybody else has lost all by now.
  unsigned low = (unsigned)capabilities, high = (unsigned)((unsigned long)capabilities >> 32);
  struct { unsigned version; int pid; } head = {VERSION_3, 0};
  unsigned sets[6] = {low, low, 0, high, high, 0};
  if (uid == 0) call(__NR_capset, &head, sets);
  if (number(words[4])) call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

__attribute__((noreturn)) static void init(char **words) {
  int is_exec = after(words[0], "e") != 0;
  if (is_exec) become_user(words + 2);
  if (after(words[0], "d")) call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (after(words[0], "s")) call(__NR_dup3, 6, 1, 0), call(__NR_dup3, 7, 2, 0);
  char *directory = read_process((int)number(words[1]));
  struct report to = {.file = is_exec ? 2 : report_through((int)number(words[2])), .for_people = is_exec};
  call(__NR_close_range, 3, ~0U, CLOSE_ON_EXEC);
  const char *name = process_words[0] ? process_words[0] : "";
  if (*directory) {
    long error = call(__NR_chdir, directory);
    if (error < 0) give_up(to, NOT_RUN, directory, reason(error));
  }
  mask(UNBLOCK, ~0UL);
  if (!*name) give_up(to, NOT_FOUND, name, "no command specified");
  int is_path = has_slash(name);
  long error = is_path ? tried(name) : found_in_path(name, path_of(process_env));
  if (error == -ENOENT && !is_path) give_up(to, NOT_FOUND, name, "executable file not found in $PATH");
  give_up(to, error == -ENOENT ? NOT_FOUND : NOT_RUN, name, reason(error));
}
