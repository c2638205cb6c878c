#!/usr/bin/env bash
# Prints ANNOY_COMPILER_ARGS for Annoy, which is compiled at installation; nothing where its own choice is right.
#
#   scripts/annoy-flags.sh [processor]       for example x86-64-v3 (Haswell and later); GCC's names
#
# By itself Annoy compiles for the very processor it is installed on: an image built on one machine could then die on another
# with an illegal instruction, and the last bits of distances would differ from machine to machine.
set -euo pipefail

processor=${1:-}
[ "$(uname -s)" = Linux ] || exit 0
if [ -z "$processor" ] && [ "$(uname -m)" = x86_64 ]; then
    [ "$(grep -c -m1 -w avx2 /proc/cpuinfo)" = 1 ] && processor=x86-64-v3 || processor=native
    echo | "${CXX:-c++}" -march="$processor" -E - >/dev/null 2>&1 || processor=native # a compiler before GCC 11
fi
flags=-fpermissive,-O3,-ffast-math,-fno-associative-math,-DANNOYLIB_MULTITHREADED_BUILD,-std=c++14
echo "$flags${processor:+,-march=$processor}"
