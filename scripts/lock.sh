#!/usr/bin/env bash
# Writes requirements.lock anew: the newest versions that go together, found by installing them in an empty environment.
# PyTorch keeps its version: change it in requirements.lock by hand first, as its builds differ by machine.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prerequisites.sh

venv=$(mktemp -d)/venv
trap 'rm -rf "$(dirname "$venv")"' EXIT
"$(find_python)" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --quiet "$@"; }
pip install setuptools hatchling editables "$(sed -n 's/.*"\(grpcio-tools==[^"]*\)".*/\1/p' pyproject.toml)" uv
scripts/install-torch.sh "$venv/bin/python" >/dev/null
grep '^torch==' requirements.lock >"$venv/torch"
pip install --upgrade --upgrade-strategy eager --constraint "$venv/torch" --no-build-isolation --editable ".[check]"
{
    sed -n '/^#/p' requirements.lock
    pip freeze --all --exclude-editable | grep '==' | grep -v '^pip==' | sed 's/+cpu$//' | grep -v '^nvidia-\|^triton=='
} >"$venv/lock"
mv "$venv/lock" requirements.lock
