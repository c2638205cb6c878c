"""A run in a deployment, seen from outside: metrics of real services, logs that name run and round, and traces."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.clients import SERVICES
from protos import rpc
from tests.conftest import REPOSITORY
from tests.support.collector import Collector, collecting
from tests.support.command import ACTIVE_LABELER, HOG, environment
from tests.support.embedder_process import free_ports
from tests.support.pictures import draw_data_set, picture
from tests.support.service_processes import at_ports

ALL = (*SERVICES, "orchestrator")
LOOP = ("--simulate", "ring", "--auto", "--rounds", "2", "--sample-size", "6", "--seed-count", "10", "--port", "0")
Samples = dict[str, list[tuple[dict[str, str], float]]]


@dataclass
class Seen:
    """What was scraped of each process after a run, the folder with the logs, and who collects traces."""

    folder: Path
    run: str
    samples: dict[str, Samples]
    collector: Collector

    def value(self, process: str, name: str, **labels: str) -> float:
        """The sum of the samples with these labels."""
        found = self.samples[process].get(name, [])
        return sum(value for given, value in found if labels.items() <= given.items())


def _scrape(port: int) -> Samples:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name, [])
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("seen")
    draw_data_set(folder / "data", positives=20, negatives=80)
    (folder / "data" / "Unlabeled" / "broken.png").write_bytes(b"no picture")
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    ports = dict(zip(ALL, free_ports(len(ALL)), strict=True))
    with ExitStack() as stack:
        collector = stack.enter_context(collecting())
        own = {
            name: {
                "ACTIVE_LABELER_METRICS": f"127.0.0.1:{ports[name]}",
                "ACTIVE_LABELER_LOG_FORMAT": "json",
                "ACTIVE_LABELER_TRACES": collector.address,
            }
            for name in ALL
        }
        addresses = stack.enter_context(at_ports(folder, {name: own[name] for name in SERVICES}))
        known = {f"ACTIVE_LABELER_ENDPOINTS__{name.upper()}": address for name, address in addresses.items()}
        control = f"unix:{folder}/control.sock"
        settings = {
            **environment(),
            **known,
            **own["orchestrator"],
            "ACTIVE_LABELER_LISTEN": control,
            "ACTIVE_LABELER_ARTIFACTS": str(folder / "store"),
        }
        with (folder / "orchestrator.log").open("w") as log:
            daemon = subprocess.Popen([*ACTIVE_LABELER, "serve"], env=settings, stderr=log, cwd=folder)
        try:
            with rpc.connect(control) as channel:
                rpc.wait_until_healthy(channel, "orchestrator", 60)
            places = ["--data", str(folder / "data"), "--reference", str(folder / "reference.png")]
            done = subprocess.run(
                [*ACTIVE_LABELER, "run", *places, *LOOP, *HOG],
                env={**environment(), "ACTIVE_LABELER_CONTROL": control},
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=200,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            run = json.loads((folder / "runtime" / "run.json").read_text())["run"]
            yield Seen(folder, run, {name: _scrape(ports[name]) for name in ALL}, collector)
        finally:
            daemon.terminate()
            daemon.wait(20)


@pytest.mark.slow
def test_every_service_counts_its_calls(seen: Seen) -> None:
    for name, method in (
        ("embedder", "Embedder/EmbedShard"),
        ("index", "Index/Build"),
        ("trainer", "Trainer/TrainHead"),
        ("sampler", "Sampler/Select"),
        ("labeler", "Labeler/Offer"),
        ("orchestrator", "Control/StartRun"),
    ):
        count = seen.value(name, "active_labeler_requests_total", method=method, code="OK")
        assert count >= 1, (name, seen.samples[name].keys())
        assert seen.value(name, "active_labeler_request_seconds_count", method=method) == count
        assert seen.value(name, "active_labeler_requests_in_flight", method=method) == 0
        assert seen.value(name, "active_labeler_requests_total", code="INTERNAL") == 0


@pytest.mark.slow
def test_images_labels_and_where_the_run_stands(seen: Seen) -> None:
    assert seen.value("embedder", "active_labeler_images_embedded_total") == 101
    assert seen.value("embedder", "active_labeler_images_unreadable_total") == 1
    labels = seen.value("orchestrator", "active_labeler_run_labels", run=seen.run)
    assert labels == 10 + 2 * 6
    assert seen.value("orchestrator", "active_labeler_run_state", run=seen.run, state="finished") == 1
    assert seen.value("orchestrator", "active_labeler_run_round", run=seen.run) == 2
    assert "active_labeler_cards_open" in seen.samples["labeler"]


@pytest.mark.slow
def test_every_line_about_a_run_names_it_and_its_round(seen: Seen) -> None:
    rounds: dict[str, set[int | None]] = {}
    for name in ALL:
        lines = [json.loads(line) for line in (seen.folder / f"{name}.log").read_text().splitlines()]
        assert all({"time", "level", "logger", "message", "run", "round"} <= line.keys() for line in lines), name
        of_run = [line for line in lines if line["run"]]
        assert {line["run"] for line in of_run} <= {seen.run}, name
        assert of_run or name == "sampler", "the sampler has nothing to say of a run"
        rounds[name] = {line["round"] for line in of_run}
    assert {1, 2} <= rounds["labeler"]
    assert {1, 2} <= rounds["trainer"]
    assert {1, 2} <= rounds["orchestrator"]


@pytest.mark.slow
def test_each_round_is_a_trace_through_the_services(seen: Seen) -> None:
    seen.collector.wait_for("finish")
    rounds = [span for span in seen.collector.spans if span.name == "round"]
    assert [(span.facts["run"], span.facts["round"]) for span in rounds] == [(seen.run, 1), (seen.run, 2)]
    for root in rounds:
        for process in ("orchestrator", "trainer", "sampler", "labeler"):  # each sends its spans in its own time
            seen.collector.wait_until(
                lambda span, p=process, r=root: span.process == p and span.trace == r.trace, process
            )
        assert not root.parent


@pytest.mark.slow
def test_the_dashboard_asks_for_metrics_that_there_are(seen: Seen) -> None:
    board = json.loads((REPOSITORY / "monitoring" / "grafana-dashboard.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"active_labeler_\w+|process_\w+", target["expr"])
    }
    told = {name for samples in seen.samples.values() for name in samples}
    assert asked <= told
    assert len(asked) >= 12


@pytest.mark.slow
def test_what_is_no_place_for_metrics(tmp_path: Path) -> None:
    for address, why in (("9464", "give host:port"), ("127.0.0.1:x", "give host:port"), ("192.0.2.1:0", "cannot be")):
        with pytest.raises(AssertionError, match=f"error: .*{why}"):
            with at_ports(tmp_path, {"sampler": {"ACTIVE_LABELER_METRICS": address}}):
                pass
