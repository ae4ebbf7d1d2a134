#!/usr/bin/env bash
# Builds pod-link.c for each architecture into ../src/cni/bridge/pod-link-binaries.ts: see what it calls.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/../../launcher/native/build.sh" "$here/pod-link.c" POD_LINK_BINARIES 'What joins pods to a bridge' "$here/../src/cni/bridge/pod-link-binaries.ts"
