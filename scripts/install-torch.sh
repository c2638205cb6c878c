#!/usr/bin/env bash
# Installs PyTorch into the environment of the interpreter given: with CUDA where there is a GPU, without it elsewhere.
#
#   scripts/install-torch.sh .venv/bin/python                (TORCH=cpu or TORCH=gpu overrules what is found)
#   scripts/install-torch.sh .venv/bin/python torchvision    the same build of that; models of timm need it
#
# On Linux the ordinary wheel brings gigabytes of CUDA. The build without it has a version of its own ("+cpu"): it is taken from
# where pip is set up to look, and where that is nowhere, uv knows the place of PyTorch's own wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prerequisites.sh

python=$1
package=${2:-torch}
version=$(sed -n "s/^$package==//p" requirements.lock)
if [ "$(accelerator)" = gpu ] || [ "$(uname -s)" != Linux ]; then
    exec "$python" -m pip install --constraint requirements.lock "$package==$version"
fi
"$python" -m pip install --constraint requirements.lock "$package==$version+cpu" && exit 0
echo "pip finds no $package==$version+cpu; asking uv"
"$python" -m pip install --constraint requirements.lock uv
exec "$python" -m uv pip install --python "$python" --torch-backend=cpu --constraint requirements.lock "$package==$version"
