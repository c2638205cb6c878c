"""The stack of containers: a run in it ends as one without containers, and nothing stays behind."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from orchestrator.clients import SERVICES
from tests.deployment.conftest import Stack
from tests.support.command import label_rows, run_command

pytestmark = [pytest.mark.compose, pytest.mark.timeout(2400)]

LOOP = ("--simulate", "three", "--auto", "--rounds", "4", "--sample-size", "15", "--seed-count", "20")
MORE = ("--set", "encoder.image_size=32", "--set", "sampling.neighbours=true", "--set", "seed=5")
_CODECS = """
import numpy, imagecodecs
image = numpy.arange(3000, dtype="u1").reshape(50, 20, 3)
for name, given in (("zstd", 0), ("lzw", 0), ("deflate", 0), ("jpeg8", 1), ("jpeg2k", 1), ("webp", 1), ("lerc", 1)):
    coded = getattr(imagecodecs, name + "_encode")(image if given else image.tobytes())
    if getattr(imagecodecs, name + "_decode")(coded) is not None:
        print(name)
"""


def _curated(runtime: Path) -> list[tuple[str, str, str]]:
    with (runtime / "final_dataset.csv").open() as file:
        return sorted((row["path"], row["side"], row["source"]) for row in csv.DictReader(file))


def _run_of(runtime: Path) -> str:
    return str(json.loads((runtime / "run.json").read_text())["run"])


def _arguments(data: str, config: str, results: str) -> list[str]:
    places = ["--data", data, "--reference", f"{config}/reference.png", "--encoder", f"{config}/SIMCLR_digits.ckpt"]
    return ["run", *places, "--runtime", f"{results}/runtime", "--output", results, *LOOP, *MORE]


def test_a_run_in_the_stack_ends_as_the_embedded_one(stack: Stack, tmp_path: Path) -> None:
    place = stack.folder
    embedded = run_command(
        *_arguments(str(place / "data"), str(place / "config"), str(tmp_path)), "--port", "0", cwd=tmp_path
    )
    assert embedded.returncode == 0, embedded.stdout + embedded.stderr
    deployed = stack.run(*_arguments("/data", "/config", "/results/calm"))
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr

    results = place / "results" / "calm"
    rows = stack.label_rows(_run_of(results / "runtime"))
    assert len(rows) >= 20 + 4 * 15
    assert rows == label_rows(tmp_path / "runtime")
    assert _curated(results / "runtime") == _curated(tmp_path / "runtime")
    for name in ("final_model.ckpt", "metrics.csv", "probabilities.csv", "runtime/annoy_file.ann"):
        assert (results / name).stat().st_size > 0


def test_a_killed_service_comes_back_and_the_run_ends_alike(stack: Stack) -> None:
    deployed = stack.run(*_arguments("/data", "/config", "/results/before"))
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    for name in SERVICES:
        stack.compose("exec", "-T", name, "python", "-c", "import os; os.kill(-1, 9)")
    deployed = stack.run(*_arguments("/data", "/config", "/results/after"))
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    before, after = (stack.folder / "results" / name / "runtime" for name in ("before", "after"))
    assert stack.label_rows(_run_of(after)) == stack.label_rows(_run_of(before))
    assert _curated(after) == _curated(before)


def test_the_page_asks_for_a_token_at_the_one_published_port(stack: Stack) -> None:
    with pytest.raises(HTTPError, match="401"):
        urlopen(stack.url, timeout=10)
    admin = {"Authorization": f"Bearer {stack.token('admin')}"}
    with urlopen(Request(f"{stack.url}api/me", headers=admin), timeout=10) as page:
        assert json.load(page) == {"role": "admin", "access": "token", "loop": True}
    published = stack.compose("ps", "--format", "{{.Ports}}").stdout.split()
    assert [port for port in published if "->" in port] == [f"{stack.url[7:-1]}->5000/tcp"]


@pytest.mark.parametrize("name", [*SERVICES, "orchestrator"])
def test_a_container_is_nobody_special_and_writes_where_it_should(stack: Stack, name: str) -> None:
    def inside(command: str) -> str:
        return stack.compose("exec", "-T", name, "sh", "-c", f"({command}) 2>&1").stdout

    assert inside("id -u").strip() == "1234"
    assert "Read-only" in inside("touch /opt/venv/x")
    assert ("Read-only" in inside("touch /labels/x && rm /labels/x")) == (name != "labeler")
    assert inside("touch /artifacts/x && rm /artifacts/x") == ""
    if name in ("embedder", "trainer", "labeler", "orchestrator"):
        assert "Read-only" in inside("touch /data/Unlabeled/x")


@pytest.mark.parametrize("name", ["index", "sampler", "labeler", "orchestrator"])
def test_an_image_without_torch_is_small(stack: Stack, name: str) -> None:
    if os.environ.get("ACTIVE_LABELER_EXTRAS"):
        pytest.skip("these images have more than they need")
    told = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Size}}", stack.image(name)],
        capture_output=True,
        text=True,
    )
    assert int(told.stdout) < 450_000_000


def test_the_decoders_of_the_labeler_are_whole(stack: Stack) -> None:
    """Symbols are taken out of them when the image is built."""
    told = stack.compose("exec", "-T", "labeler", "python", "-c", _CODECS)
    assert told.stdout.split() == ["zstd", "lzw", "deflate", "jpeg8", "jpeg2k", "webp", "lerc"], told.stderr


def test_more_workers_join(stack: Stack) -> None:
    scaled = stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "embedder=2")
    assert scaled.returncode == 0, scaled.stderr
    told = stack.run("services")
    assert told.returncode == 0
    assert told.stdout.count("healthy") == len(SERVICES)


@pytest.mark.parametrize("name", [*SERVICES, "orchestrator"])
def test_a_container_stops_by_itself_when_it_is_asked(stack: Stack, name: str) -> None:
    """Docker kills what has not ended ten seconds after SIGTERM, and 137 is then the code."""
    stack.compose("stop", "--timeout", "10", name)
    codes = stack.compose("ps", "--all", "--format", "{{.ExitCode}}", name).stdout.split()
    assert set(codes) == {"0"}
    assert stack.compose("start", name).returncode == 0
