"""A machine that lacks something is told what, and how to get it, before anything is made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

TOOLS = ("bash", "dirname", "cat", "cksum", "sed", "mktemp", "rm", "uname", "grep", "mkdir")
PYTHON = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
COMPILER = shutil.which("c++")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the few programs that every machine has, as the only place where programs are found."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    return programs


def _program(machine: Path, name: str, says: str) -> None:
    program = machine / name
    program.write_text(f"#!{machine}/bash\n{says}\n")
    program.chmod(0o755)


def _set_up(machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(machine / "bash"), "scripts/environment.sh", "demo"],
        cwd=REPOSITORY,
        env={"PATH": str(machine), "VENV": str(machine.parent / "venv"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _accelerator(machine: Path, **environment: str) -> str:
    return subprocess.run(
        [str(machine / "bash"), "-c", ". scripts/prerequisites.sh; accelerator"],
        cwd=REPOSITORY,
        env={"PATH": str(machine), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_without_python(machine: Path) -> None:
    done = _set_up(machine)
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert "python3 is not installed" in done.stderr
    assert "apt install python3" in done.stderr
    assert not (machine.parent / "venv").exists()


def test_an_old_python_is_named_with_its_version(machine: Path) -> None:
    _program(machine, "python3", "echo 'is 3.9.2, which is older than 3.11'")
    done = _set_up(machine)
    assert done.returncode == 2
    assert "python3 is 3.9.2, which is older than 3.11" in done.stderr


def test_the_check_of_a_real_python_looks_at_its_version() -> None:
    """The words of the test above come from here."""
    script = (REPOSITORY / "scripts" / "prerequisites.sh").read_text().split("<<'PYTHON'")[1].split("\n", 1)[1]
    code = script.split("\nPYTHON\n")[0].replace("(3, 11)", "(4, 0)")
    done = subprocess.run([str(PYTHON), "-"], input=code, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"is {'.'.join(map(str, sys.version_info[:3]))}, which is older than 3.11"


@pytest.mark.skipif(not PYTHON.exists(), reason=f"no {PYTHON}")
@pytest.mark.skipif(not Path(sysconfig.get_path("include"), "Python.h").exists(), reason="no headers of Python")
def test_without_a_compiler(machine: Path) -> None:
    done = _set_up(machine, PYTHON=str(PYTHON))
    assert done.returncode == 2
    assert "needs a C++ compiler" in done.stderr
    assert all(way in done.stderr for way in ("apt install g++", "dnf install gcc-c++", "brew install"))
    assert not (machine.parent / "venv").exists()


def test_a_python_of_the_user_s_choice_that_does_not_run(machine: Path) -> None:
    _program(machine, "python9", "exit 1")
    done = _set_up(machine, PYTHON="python9")
    assert done.returncode == 2
    assert "python9 does not run" in done.stderr


def test_the_processor_where_there_is_no_gpu(machine: Path) -> None:
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has a GPU")
    assert _accelerator(machine) == "cpu"
    _program(machine, "nvidia-smi", "exit 9")  # installed, but there is no driver
    assert _accelerator(machine) == "cpu"


def test_a_gpu_that_is_at_work(machine: Path) -> None:
    _program(machine, "nvidia-smi", "echo GPU 0")
    assert _accelerator(machine) == "gpu"
    assert _accelerator(machine, TORCH="cpu") == "cpu"


@pytest.mark.skipif(sys.platform != "linux", reason="Annoy chooses by itself elsewhere")
def test_annoy_is_compiled_for_a_kind_of_processor_not_for_this_one(machine: Path) -> None:
    def flags(*processor: str) -> str:
        return subprocess.run(
            ["scripts/annoy-flags.sh", *processor], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert flags("x86-64-v2").endswith(",-march=x86-64-v2")
    assert "-DANNOYLIB_MULTITHREADED_BUILD" in flags()
    assert " " not in flags()  # Annoy splits at commas
