#!/usr/bin/env bash
# Builds shim.c for each architecture into ../src/shim/shim-binaries.ts. Needs gcc for both: Debian's gcc,
# gcc-aarch64-linux-gnu and linux-libc-dev-arm64-cross on x86-64. Only to be run when a source changes; the result is checked in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
  "$2-gcc" -Os -std=gnu11 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector -fno-builtin \
    -fno-asynchronous-unwind-tables -fno-ident -Wl,--build-id=none -Wl,-z,norelro -Wl,-z,noexecstack -Wl,-z,noseparate-code \
    -s -o "$work/$1" shim.c
}
build amd64 x86_64-linux-gnu
build arm64 aarch64-linux-gnu
{
  echo '// Made by shim/build.sh out of shim/shim.c. Do not edit.'
  echo
  echo '/** The shim for each architecture, as Docker names them: a static ELF file, in base64. */'
  echo 'export const SHIM_BINARIES: Readonly<Record<string, string>> = {'
  for architecture in amd64 arm64; do
    echo "  $architecture:"
    base64 -w 120 "$work/$architecture" | sed "s/.*/    '&' +/; \$s/ +\$/,/"
  done
  echo '};'
} > ../src/shim/shim-binaries.ts

