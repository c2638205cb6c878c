# What a machine must bring: Python 3.11 with headers and venv, and a C++ compiler. To be sourced.

# Prints why an interpreter cannot be used; nothing when it can.
python_lacks() {
    "$1" - <<'PYTHON' 2>/dev/null || echo "does not run"
import importlib.util, os, sys, sysconfig
version = "%d.%d.%d" % sys.version_info[:3]
if sys.version_info < (3, 11):
    print("is %s, which is older than 3.11" % version)
elif not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
    print("is %s without its venv module (Debian, Ubuntu: apt install python%d.%d-venv)" % ((version,) + sys.version_info[:2]))
elif not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    print("is %s without its headers (Debian, Ubuntu: apt install python%d.%d-dev; Fedora: dnf install python3-devel)"
          % ((version,) + sys.version_info[:2]))
PYTHON
}

# Prints the first interpreter that has everything.
find_python() {
    local name lack tried=""
    for name in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3}; do
        command -v "$name" >/dev/null || { tried="$tried $name is not installed;"; continue; }
        lack=$(python_lacks "$name")
        [ -n "$lack" ] || { echo "$name"; return; }
        tried="$tried $name $lack;"
    done
    cat >&2 <<SENTENCE
error: Active Labeler needs Python 3.11 or newer, and found none that it can use:${tried%;}.
Get one (Debian, Ubuntu: apt install python3 python3-venv python3-dev; Fedora: dnf install python3.12 python3.12-devel;
macOS: brew install python@3.12), or name yours: make PYTHON=/path/to/python3.12 ...
SENTENCE
    return 2
}

need_compiler() {
    local name
    for name in "${CXX:-c++}" g++ clang++; do
        command -v "$name" >/dev/null && return
    done
    cat >&2 <<'SENTENCE'
error: Active Labeler needs a C++ compiler, because Annoy is compiled while it is installed, and found no c++, g++ or clang++.
Get one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install, or brew install gcc)
and start again.
SENTENCE
    return 2
}

# "gpu" where an NVIDIA driver is at work, else "cpu". TORCH=cpu or TORCH=gpu overrules what is found.
accelerator() {
    if [ -n "${TORCH:-}" ]; then
        echo "$TORCH"
    elif [ -e /proc/driver/nvidia/version ] || { command -v nvidia-smi && nvidia-smi -L; } >/dev/null 2>&1; then
        echo gpu
    else
        echo cpu
    fi
}
