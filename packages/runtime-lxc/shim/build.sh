#!/usr/bin/env bash
# Builds shim.c for each architecture into ../src/shim/shim-binaries.ts: see what it calls.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/../../launcher/native/build.sh" "$here/shim.c" SHIM_BINARIES 'The shim' "$here/../src/shim/shim-binaries.ts"
