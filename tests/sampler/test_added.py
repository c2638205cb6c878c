"""Strategies of users: the example of the docs, installed and chosen through a real sampler process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from protos import rpc
from protos.common_pb2 import Items
from protos.errors import InvalidInputError
from protos.sampler_pb2 import ListStrategiesRequest, SelectRequest
from protos.sampler_pb2_grpc import SamplerStub
from services.common.artifacts import ArtifactStore
from services.sampler.registry import STRATEGIES, Registry
from tests.support.stores import put_array

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "strategies.md"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of the docs, and with two that are broken."""
    source, target = tmp_path_factory.mktemp("mylab"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "mylab.py"):
        found = re.search(rf"`mylab/{name}`:\n\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
        assert found is not None
        (source / name).write_text(found[1])
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", target, source], check=True, timeout=200)
    for name, value in (("gone", "no_such_module:X"), ("wrong", "os:path")):
        folder = target / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[active_labeler.strategies]\n{name} = {value}\n")
    return target


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sampler") / "sampler.log"


@pytest.fixture(scope="module")
def sampler(installed: Path, log: Path) -> Iterator[str]:
    """The address of a sampler that finds the package."""
    settings = {
        "ACTIVE_LABELER_LISTEN": f"unix:{log.parent}/s.sock",
        "ACTIVE_LABELER_ARTIFACTS": str(log.parent / "store"),
        "ACTIVE_LABELER_LOG_FILE": str(log),
        "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)]),
    }
    command = [sys.executable, "-m", "services.sampler"]
    process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[1]
    process.terminate()
    process.wait(20)


def test_the_example_of_the_docs_is_listed_and_picks(sampler: str, log: Path) -> None:
    store = ArtifactStore(log.parent / "store")
    scores = put_array(store, "scores/a.npy", np.linspace(0, 1, 101).astype(np.float32))
    present = put_array(store, "present/a.npy", np.ones(101, np.bool_))
    request = SelectRequest(
        run="a", strategy="mylab.middling", count=3, scores=scores, present=present, excluded=Items(item=[30])
    )
    with rpc.connect(sampler) as channel:
        stub = SamplerStub(channel)
        listed = {strategy.name: strategy for strategy in stub.ListStrategies(ListStrategiesRequest()).strategies}
        assert listed["mylab.middling"].parameters[0].default == pytest.approx(0.3)
        picks = stub.Select(request).picks
        assert {pick.item for pick in picks[:2]} == {29, 31}
        assert picks[0].reason == "middling"
        request.parameters["wanted"] = 0.8
        assert stub.Select(request).picks[0].item == 80


def test_what_cannot_be_loaded_is_named_in_the_log_and_hinders_nobody(sampler: str, log: Path) -> None:
    text = log.read_text()
    assert "strategy gone (no_such_module:X) cannot be used: ModuleNotFoundError" in text
    assert "strategy wrong (os:path) cannot be used: TypeError: it is a module" in text


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="there is a strategy 'hybrid' already"):
        Registry([STRATEGIES[0]])
