#!/usr/bin/env bash
# Makes .venv with all that `make demo`, `make test` or `make check` needs. The second time it has nothing to do.
#
#   scripts/environment.sh demo|test|check
#
# PYTHON=/path/to/python chooses the interpreter, VENV=folder the environment. Every version is pinned in requirements.lock.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prerequisites.sh

level=${1:?one of demo, test or check}
venv=${VENV:-.venv}
log=$venv/install.log
stamp=$venv/.ready-$level

inputs() { cat pyproject.toml requirements.lock scripts/*.sh protos/*.proto protos/build_hook.py protos/compile.py | cksum; }

step() { # step "words" command...: says the words, keeps the output for the log, tells how long it took
    local words=$1 start=$SECONDS
    shift
    printf '  %s ... ' "$words"
    if "$@" >>"$log" 2>&1; then
        printf '%s s\n' $((SECONDS - start))
    else
        printf 'failed. The last lines of %s:\n' "$log"
        tail -n 15 "$log"
        exit 1
    fi
}

new_venv() { "$1" -m venv --clear "$venv"; }

install() { "$venv/bin/python" -m pip install --constraint requirements.lock "$@"; }

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(inputs)" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
printf 'Setting up %s for "make %s":\n' "$venv" "$level"
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    need_compiler
    mkdir -p "$venv" && log=$(mktemp)
    step "environment with $("$python" --version)" new_venv "$python"
    mv "$log" "$venv/install.log" && log=$venv/install.log
fi
ANNOY_COMPILER_ARGS=${ANNOY_COMPILER_ARGS:-$(scripts/annoy-flags.sh)}
[ -z "$ANNOY_COMPILER_ARGS" ] || export ANNOY_COMPILER_ARGS
# The build tools first, pinned like the rest: nothing is then built with tools of another day.
step "build tools" install setuptools hatchling editables grpcio-tools
step "PyTorch for $(accelerator)" scripts/install-torch.sh "$venv/bin/python"
step "Active Labeler and what it stands on" install --no-build-isolation --editable ".[$level]"
inputs >"$stamp"
