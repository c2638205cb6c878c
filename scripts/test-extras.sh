#!/usr/bin/env bash
# Installs the programs that some tests drive, where that is possible: on a Debian machine, as root. Elsewhere those tests
# skip and say what they miss.
set -euo pipefail

have_any() { for name in "$@"; do command -v "$name" >/dev/null && return; done; return 1; }

missing=()
have_any chromium chromium-browser google-chrome || missing+=(chromium)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "  not installed: ${missing[*]}; the tests that drive it will be skipped"
    exit 0
fi
printf '  %s (for tests in a real browser) ... ' "${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1; then
    echo "installed"
else
    echo "apt-get could not; the tests that drive it will be skipped"
fi
