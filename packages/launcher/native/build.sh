#!/usr/bin/env bash
# build.sh [SOURCE VARIABLE WHAT OUTPUT]: builds a static program for each architecture into a file of TypeScript; by itself the launcher. Needs gcc for
# both: Debian's gcc, gcc-aarch64-linux-gnu and linux-libc-dev-arm64-cross on x86-64. Only to be run when a source changes; the result is checked in.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=${1:-$here/launcher.c}
variable=${2:-LAUNCHER_BINARIES}
what=${3:-The launcher}
output=${4:-$here/../src/launcher-binaries.ts}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
  "$2-gcc" -Os -std=gnu11 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector -fno-builtin \
    -fno-asynchronous-unwind-tables -fno-ident -Wl,--build-id=none -Wl,-z,norelro -Wl,-z,noexecstack -Wl,-z,noseparate-code \
    -Wno-unused-function -s -o "$work/$1" "$source"
}
build amd64 x86_64-linux-gnu
build arm64 aarch64-linux-gnu
{
  echo "// Made by build.sh out of $(basename "$source"). Do not edit."
  echo
  echo "/** $what for each architecture, as Docker names them: a static ELF file, in base64. */"
  echo "export const $variable: Readonly<Record<string, string>> = {"
  for architecture in amd64 arm64; do
    echo "  $architecture:"
    base64 -w 120 "$work/$architecture" | sed "s/.*/    '&' +/; \$s/ +\$/,/"
  done
  echo '};'
} > "$output"
