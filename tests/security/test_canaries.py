"""Files that would run a command if anybody unpickled or constructed them: wherever one can be handed in, nothing runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from orchestrator.config_file import load
from protos.errors import ActiveLabelerError, DamagedError, InvalidInputError
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder
from services.embedder.importing import Wanted, import_encoder


class Canary:
    """Pickles as a command that makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that is there when something ran."""
    return tmp_path / "canary"


def test_an_array_of_objects_is_never_unpickled(canary: Path, tmp_path: Path) -> None:
    file = tmp_path / "vectors.npy"
    np.save(file, np.array([Canary(canary)], dtype=object), allow_pickle=True)
    np.load(file, allow_pickle=True)
    assert canary.exists(), "the file means harm"
    canary.unlink()
    with pytest.raises(DamagedError, match=r"no \.npy file"):
        map_array(file, np.float32, 1)
    assert not canary.exists()


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/object/new:os.system", "!!python/object/apply:subprocess.run"]
)
@pytest.mark.parametrize("place", ["data: {}", "data: x\nlabeling: {}", "data: x\nembedder: {}"])
def test_a_yaml_tag_constructs_nothing(canary: Path, tmp_path: Path, tag: str, place: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(place.format(f'{tag} ["touch {canary}"]') + "\n")
    with pytest.raises(InvalidInputError) as caught:
        load(file)
    assert "\n" not in str(caught.value)
    assert not canary.exists()


def test_the_tag_would_construct(canary: Path) -> None:
    yaml.unsafe_load(f'!!python/object/apply:os.system ["touch {canary}"]')
    assert canary.exists()


@pytest.mark.parametrize("name", ["encoder.safetensors", "encoder.ckpt", "encoder.pt", "encoder.onnx", "encoder.bin"])
def test_a_pickle_under_another_name_runs_nothing(canary: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(pickle.dumps(Canary(canary)))
    store = ArtifactStore(tmp_path / "store")
    artifact = store.put(f"inputs/{name}", file.read_bytes())
    with pytest.raises(ActiveLabelerError) as caught:
        import_encoder(store, Wanted(artifact))
    assert "\n" not in str(caught.value)
    assert not canary.exists()


def test_an_encoder_artifact_that_is_a_pickle_runs_nothing(canary: Path, tmp_path: Path) -> None:
    file = tmp_path / "encoder.safetensors"
    file.write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(ActiveLabelerError):
        load_encoder(file)
    assert not canary.exists()
