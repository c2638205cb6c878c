"""Compiles the contracts to Python stubs: ``python -m protos.compile``.

The compiler runs from the repository root with ``-I.``, so that the generated code says ``from protos import ...`` and
needs no patching. Generated code refuses to import when grpcio is older than the grpcio-tools that made it, so the stubs
are built where they run and are not checked in.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path


def compile_protos(root: Path) -> list[Path]:
    """Compiles every ``protos/*.proto`` below ``root`` and returns the files written.

    Raises:
        RuntimeError: when the compiler refuses a contract; its own message is on standard error.
    """
    import os

    from grpc_tools import protoc

    contracts = sorted(path.relative_to(root).as_posix() for path in (root / "protos").glob("*.proto"))
    well_known = str(files("grpc_tools") / "_proto")
    before = Path.cwd()
    os.chdir(root)  # the names inside generated code follow from the working directory
    try:
        code = protoc.main(
            ["protoc", "-I.", f"-I{well_known}", "--python_out=.", "--pyi_out=.", "--grpc_python_out=.", *contracts]
        )
    finally:
        os.chdir(before)
    if code != 0:
        raise RuntimeError(f"protoc refused the contracts in {root / 'protos'} with exit code {code}")
    return sorted((root / "protos").glob("*_pb2*.py*"))


if __name__ == "__main__":
    for written in compile_protos(Path(__file__).resolve().parent.parent):
        sys.stdout.write(f"{written}\n")
