"""A run as traces: one for each round, through all services; and a collector that is away or hangs changes nothing."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support.collector import Collector, Seen, collecting
from tests.support.command import HOG, label_rows, run_command, start_command, steps_done
from tests.support.pictures import draw_data_set, picture

# Neighbours of what is picked, so that the index has a part in each round.
LOOP = ("--simulate", "ring", "--auto", "--rounds", "2", "--sample-size", "6", "--seed-count", "10", "--port", "0")
MORE = ("--set", "sampling.neighbours=true", "--set", "sampling.n_closest=2", *HOG)
IN_A_ROUND = {"orchestrator", "trainer", "sampler", "index", "labeler"}


@dataclass
class Traced:
    """A finished run: its folder, its name, and what the collector got."""

    folder: Path
    run: str
    collector: Collector

    def roots(self, name: str) -> list[Seen]:
        """The spans that begin a trace."""
        return [span for span in self.collector.spans if span.name == name and not span.parent]

    def of(self, root: Seen) -> list[Seen]:
        """All spans of a trace."""
        return [span for span in self.collector.spans if span.trace == root.trace]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    draw_data_set(folder / "data", positives=20, negatives=80)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    return folder


def _arguments(place: Path) -> list[str]:
    return ["run", "--data", str(place / "data"), "--reference", str(place / "reference.png"), *LOOP, *MORE]


def _run(place: Path, folder: Path, address: str, **more: str) -> str:
    """A run to its end; its name."""
    folder.mkdir()
    done = run_command(*_arguments(place), cwd=folder, ACTIVE_LABELER_TRACES=address, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    name: str = json.loads((folder / "runtime" / "run.json").read_text())["run"]
    return name


@pytest.fixture(scope="module")
def traced(place: Path) -> Iterator[Traced]:
    with collecting() as collector:
        run = _run(place, place / "traced", collector.address)
        yield Traced(place / "traced", run, collector)


@pytest.mark.slow
def test_each_round_is_one_trace_through_all_services(traced: Traced) -> None:
    rounds = traced.roots("round")
    assert [(span.facts["run"], span.facts["round"]) for span in rounds] == [(traced.run, 1), (traced.run, 2)]
    assert len({span.trace for span in rounds}) == 2
    for root in rounds:
        spans = traced.of(root)
        ids = {span.id for span in spans}
        assert {span.process for span in spans} >= IN_A_ROUND
        assert [span for span in spans if span.parent not in ids] == [root], "all hang together"
        assert {span.facts["run"] for span in spans} == {traced.run}
        assert {"train", "score", "select", "offer", "label", "assess"} <= {span.name for span in spans}


@pytest.mark.slow
def test_calls_are_below_the_steps_that_make_them(traced: Traced) -> None:
    spans = {span.id: span for span in traced.of(traced.roots("round")[1])}
    for call, step, process in (
        ("Trainer/TrainHead", "train", "trainer"),
        ("Trainer/Score", "score", "trainer"),
        ("Sampler/Select", "select", "sampler"),
        ("Labeler/Offer", "offer", "labeler"),
    ):
        served = next(span for span in spans.values() if span.name == call and span.process == process)
        client = spans[served.parent]
        assert (client.name, client.process) == (call, "orchestrator")
        assert (spans[client.parent].name, spans[client.parent].facts["step"]) == (step, f"round-2/{step}")
        assert served.facts["round"] == 2


@pytest.mark.slow
def test_start_and_end_are_traces_of_their_own(traced: Traced) -> None:
    (start,), (finish,) = traced.roots("start"), traced.roots("finish")
    assert {"catalog", "embed"} <= {span.name for span in traced.of(start)}
    assert any((span.name, span.process) == ("Embedder/EmbedShard", "embedder") for span in traced.of(start))
    assert any((span.name, span.process) == ("Trainer/Export", "trainer") for span in traced.of(finish))
    assert {span.trace for span in traced.collector.spans} == {
        root.trace for name in ("start", "round", "finish") for root in traced.roots(name)
    }
    assert [span for span in traced.collector.spans if span.failed] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["away", "hangs"])
def test_a_collector_that_is_not_there_changes_nothing(place: Path, traced: Traced, kind: str) -> None:
    """Whoever waited for it would wait for an hour."""
    with collecting(hang=True) as collector:
        address = collector.address if kind == "hangs" else "http://127.0.0.1:1"
        _run(place, place / kind, address, OTEL_EXPORTER_OTLP_TIMEOUT="3600")
        assert (collector.asked > 0) == (kind == "hangs")
    assert label_rows(place / kind / "runtime") == label_rows(traced.folder / "runtime")


@pytest.mark.slow
def test_a_round_that_was_killed_and_goes_on_is_one_trace(place: Path) -> None:
    """It waits for people, is killed, waits again, and is ended by Ctrl-C, which is no failure."""
    folder = place / "killed"
    for side, kind in (("positive", "ring"), ("negative", "bar")):
        (folder / "seed" / side).mkdir(parents=True)
        for image in sorted((place / "data" / "Unlabeled").glob(f"*_{kind}.png"))[:5]:
            shutil.copy(image, folder / "seed" / side)
    arguments = ["run", "--data", place / "data", "--seed-folder", folder / "seed", "--auto", "--port", "0", *HOG]
    page = ["--set", "labeling.open_browser=false"]
    with collecting() as collector:
        killed = start_command(*arguments, *page, cwd=folder, ACTIVE_LABELER_TRACES=collector.address)
        collector.wait_for("offer", 120)
        killed.kill()
        killed.wait(20)
        before = list(collector.spans)
        steps, said = steps_done(folder), folder / "output.txt"
        pages = said.read_text().count("http://127.0.0.1:")
        resumed = start_command("resume", folder / "runtime", cwd=folder, ACTIVE_LABELER_TRACES=collector.address)
        end = time.monotonic() + 120
        while said.read_text().count("http://127.0.0.1:") == pages:  # it waits where it says where its page is
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.1)
        resumed.send_signal(signal.SIGINT)
        assert resumed.wait(60) == 130
    after = collector.spans[len(before) :]
    trace = next(span for span in before if span.name == "offer").trace
    assert {span.facts["step"] for span in after if "step" in span.facts} == {"round-1/label"}
    assert {span.name: span.parent for span in after if span.trace == trace}["round"] == ""
    assert steps == steps_done(folder)
    assert not any(span.failed for span in collector.spans)
    assert not any(span.name == "Labeler/GetQueue" for span in collector.spans), "nobody wants thousands of looks"
