// Logs in the format of the CRI: time, stream, F for a whole line or P for a part of one, and the text. A file that has grown to its limit
// is put aside: `log` becomes `log.1`, that `log.2`, and the oldest goes.
#include "../../launcher/native/system.h"

enum { LINE = 16384 };

struct line {
  const char *stream;
  size used;
  char bytes[LINE];
};

struct log {
  char *path;
  int file;
  long size, max_size;
  int max_files;
};

static void add_now(struct text *to) {
  struct timespec now;
  call(__NR_clock_gettime, 0, &now);
  long days = now.tv_sec / 86400, rest = now.tv_sec % 86400;
  // Civil date from days: years are counted from March, so that leap days come last.
  long z = days + 719468, era = z / 146097, of_era = z - era * 146097;
  long year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  long of_year = of_era - (365 * year + year / 4 - year / 100), shifted = (5 * of_year + 2) / 153;
  long day = of_year - (153 * shifted + 2) / 5 + 1, month = shifted < 10 ? shifted + 3 : shifted - 9;
  add_digits(to, year + era * 400 + (month <= 2), 4), add(to, "-");
  add_digits(to, month, 2), add(to, "-");
  add_digits(to, day, 2), add(to, "T");
  add_digits(to, rest / 3600, 2), add(to, ":");
  add_digits(to, rest / 60 % 60, 2), add(to, ":");
  add_digits(to, rest % 60, 2), add(to, ".");
  add_digits(to, now.tv_nsec, 9), add(to, "Z ");
}

static void open_log(struct log *log) {
  closed(log->file);
  log->file = opened(log->path, WRITE | O_APPEND);
  log->size = log->file < 0 ? 0 : call(__NR_lseek, log->file, 0, 2);
}

static void rotate(struct log *log) {
  for (int index = log->max_files - 1; index > 0; index--) {
    struct text from = {0}, to = {0};
    add(&from, log->path), add(&to, log->path);
    if (index > 1) add(&from, "."), add_digits(&from, index - 1, 1);
    add(&to, "."), add_digits(&to, index, 1);
    call(__NR_renameat2, AT_FDCWD, from.bytes, AT_FDCWD, to.bytes, 0);
  }
  if (log->max_files <= 1) call(__NR_unlinkat, AT_FDCWD, log->path, 0);
  open_log(log);
}

static void log_line(struct log *log, struct line *line, int is_whole) {
  struct text head = {0};
  static char record[LINE + 128];
  add_now(&head);
  add(&head, line->stream);
  add(&head, is_whole ? " F " : " P ");
  memcpy(record, head.bytes, head.used);
  memcpy(record + head.used, line->bytes, line->used);
  size count = head.used + line->used;
  record[count++] = '\n';
  if (log->max_size > 0 && log->size > 0 && log->size + (long)count > log->max_size) rotate(log);
  // One call, so that readers see whole records. A disk that is full loses lines, and never holds up a container.
  if (log->file >= 0 && written(log->file, record, count) > 0) log->size += (long)count;
  line->used = 0;
}

static void log_bytes(struct log *log, struct line *line, const char *bytes, size count) {
  for (size at = 0; at < count; at++) {
    if (bytes[at] == '\n') log_line(log, line, 1);
    else {
      line->bytes[line->used++] = bytes[at];
      if (line->used == LINE) log_line(log, line, 0);
    }
  }
}

static void log_end(struct log *log, struct line *line) {
  if (line->used > 0) log_line(log, line, 0);
}
