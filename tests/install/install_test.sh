#!/usr/bin/env bash
# Installs into a temporary folder; an outside project finds, builds and runs the package there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$CMAKE_COMMAND" --install "$TILEWRIGHT_BUILD" --prefix "$work/prefix" >"$work/log"
"$CMAKE_COMMAND" -S "$TILEWRIGHT_SOURCE/tests/install/outside" -B "$work/build" \
  -DCMAKE_PREFIX_PATH="$work/prefix" >>"$work/log"
"$CMAKE_COMMAND" --build "$work/build" >>"$work/log" || { cat "$work/log"; exit 1; }
line=$("$work/build/outside")

echo "$line"
"$work/build/outside_kit"
[ "$line" = "conv2d n1 ci3 y480 x640 co8 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32" ]
if [ -n "$TILEWRIGHT" ]; then "$work/prefix/bin/tilewright" --help >/dev/null; fi
