// What stays with each container and sandbox of the LXC runtime, and what it needs inside them: one static program, which `build.sh` makes.
#include "../../launcher/native/system.h"
#include "report.c"
#include "log.c"
#include "init.c"
#include "sandbox.c"
#include "terminal.c"
#include "run.c"

__attribute__((used)) static void run(long *stack) {
  long count = *stack;
  char **words = (char **)(stack + 1), **env = words + count + 1;
  if (count < 2) end(2);
  own_words = words[0], own_words_size = (size)(words[count - 1] + length(words[count - 1]) - words[0]);
  const char *what = words[1];
  char **rest = words + 2;
  long left = count - 2;
  if (same(what, "run") && left >= 7) run_command(rest, env);
  if (same(what, "init") && left >= 3) init(rest);
  if (same(what, "sandbox-end") && left >= 2) sandbox_end(rest);
  if (same(what, "connect") && left >= 2) connect_to(rest);
  if (same(what, "terminal") && left >= 1) terminal(rest, env);
  if (same(what, "oom") && left >= 1) oom((int)left, rest);
  end(2);
}
