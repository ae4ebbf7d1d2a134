#!/usr/bin/env bash
# Builds pause.c for each architecture into ../src/pause/pause-binaries.ts. Needs gcc for both: Debian's gcc,
# gcc-aarch64-linux-gnu and linux-libc-dev-arm64-cross on x86-64. Only to be run when pause.c changes; the result is checked in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
  "$2-gcc" -Os -std=gnu11 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector -fno-builtin \
    -fno-asynchronous-unwind-tables -fno-ident -Wl,--build-id=none -Wl,-z,norelro -Wl,-z,noexecstack -Wl,-z,noseparate-code \
    -s -o "$work/$1" pause.c
}
build amd64 x86_64-linux-gnu
build arm64 aarch64-linux-gnu
{
  echo '// Made by pause/build.sh out of pause/pause.c. Do not edit.'
  echo
  echo '/** The program of a sandbox for each architecture, as Docker names them: a static ELF file, in base64. */'
  echo 'export const PAUSE_BINARIES: Readonly<Record<string, string>> = {'
  for architecture in amd64 arm64; do
    echo "  $architecture:"
    base64 -w 120 "$work/$architecture" | sed "s/.*/    '&' +/; \$s/ +\$/,/"
  done
  echo '};'
} > ../src/pause/pause-binaries.ts
