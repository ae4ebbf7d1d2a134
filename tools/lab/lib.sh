# Shared by the scripts here. Sourced, not run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# The Node of the project goes before what the machine may have.
export PATH=$root/node_modules/.bin:$PATH
state=$(readlink -m "${LAB_DIR:-$root/.lab}")
# What was downloaded stays for other checkouts: one of the downloads can take minutes.
cache=$(readlink -m "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/keelson")

fail() { echo "lab: $*" >&2; exit 1; }

# has_process DIR: true if the process whose id is in DIR/pid is one that was started for DIR.
has_process() {
  local pid; pid=$(cat "$1/pid" 2>/dev/null) || return 1
  tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1"
}

# All but the first three: a lock that a caller holds must not outlive it in what is started.
close_descriptors() {
  local fd
  for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd <= 2)) || eval "exec $fd>&-"; done
}

# start_process DIR READY COMMAND...: runs COMMAND, whose arguments must name DIR, until READY succeeds; keeps one that runs already.
start_process() {
  local at=$1 ready=$2 end=$((SECONDS + 180)); shift 2
  if ! has_process "$at"; then
    (close_descriptors; exec setsid "$@") >> "$at/log" 2>&1 < /dev/null &
    echo $! > "$at/pid"
    disown
  fi
  until $ready > /dev/null 2>&1; do
    if [ ! -e "/proc/$(cat "$at/pid")" ] || [ $SECONDS -gt $end ]; then tail -n 5 "$at/log" >&2; fail "$1 did not start"; fi
    sleep 0.1
  done
}

# stop_process DIR [SIGNAL]: ends it and waits; what does not end within 15 s is killed.
stop_process() {
  local dir=$1 pid i
  has_process "$dir" || { rm -f "$dir/pid"; return 0; }
  pid=$(cat "$dir/pid")
  kill -"${2:-TERM}" "$pid"
  for ((i = 0; i < 150; i++)); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
  if [ -e "/proc/$pid" ]; then kill -KILL "$pid"; fi
  rm -f "$dir/pid"
}
