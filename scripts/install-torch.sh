#!/usr/bin/env bash
# Installs PyTorch into the environment of the interpreter given: with CUDA where there is a GPU, without it elsewhere.
#
#   scripts/install-torch.sh .venv/bin/python        (TORCH=cpu or TORCH=gpu overrules what is found)
#
# On Linux the ordinary wheel brings gigabytes of CUDA. The build without it has a version of its own ("+cpu"): it is taken from
# where pip is set up to look, and where that is nowhere, uv knows the place of PyTorch's own wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prerequisites.sh

python=$1
version=$(sed -n 's/^torch==//p' requirements.lock)
if [ "$(accelerator)" = gpu ] || [ "$(uname -s)" != Linux ]; then
    exec "$python" -m pip install --constraint requirements.lock "torch==$version"
fi
"$python" -m pip install --constraint requirements.lock "torch==$version+cpu" && exit 0
echo "pip finds no torch==$version+cpu; asking uv"
"$python" -m pip install --constraint requirements.lock uv
exec "$python" -m uv pip install --python "$python" --torch-backend=cpu --constraint requirements.lock "torch==$version"
