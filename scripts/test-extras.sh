#!/usr/bin/env bash
# Installs the programs that some tests drive, where that is possible: on a Debian machine, as root. Elsewhere those tests
# skip and say what they miss. A database server is more than a person expects of `make test`: only CI gets one.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
if [ "${CI:-}" = true ] && ! command -v initdb /usr/lib/postgresql/*/bin/initdb >/dev/null; then
    missing+=(postgresql)
fi
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "  not installed: ${missing[*]}; the tests that need it will be skipped"
    exit 0
fi
printf '  %s, for some of the tests ... ' "${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1; then
    echo "installed"
else
    echo "apt-get could not; the tests that need it will be skipped"
fi
