"""The same loop with services that run on their own and an orchestrator that serves: as in a deployment, without containers."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest

from protos import control_pb2, control_pb2_grpc, rpc
from protos.errors import ConflictError, InvalidInputError, NotFoundError
from tests.support.annotator import Annotator
from tests.support.command import ACTIVE_LABELER, HOG, environment, label_rows, run_command, start_command, still_alive
from tests.support.pictures import draw_data_set, picture

LOOP = ("--simulate", "ring", "--auto", "--rounds", "2", "--sample-size", "6", "--seed-count", "10", "--port", "0")


@dataclass
class Stack:
    """A data set, services at work, and the address of a serving orchestrator."""

    folder: Path
    endpoints: str
    environment: dict[str, str]
    control: str


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    draw_data_set(folder / "data", positives=20, negatives=80)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    listen = f"unix:{folder}/control.sock"
    services = start_command(
        "services",
        "--artifacts",
        folder / "shared",
        cwd=folder,
        ACTIVE_LABELER_WEB_PORT="0",
        ACTIVE_LABELER_CONTROL=listen,
    )
    output = _wait_for(folder / "output.txt", r"--endpoints (\S+)", services)
    store = re.search(r"ACTIVE_LABELER_ARTIFACTS=(\S+)", (folder / "output.txt").read_text())
    assert store is not None
    pairs = dict(pair.split("=", 1) for pair in output.split(","))
    own = {f"ACTIVE_LABELER_ENDPOINTS__{name.upper()}": address for name, address in pairs.items()}
    settings = {**environment(), **own, "ACTIVE_LABELER_ARTIFACTS": store[1], "ACTIVE_LABELER_LISTEN": listen}
    settings["ACTIVE_LABELER_STATE"] = str(folder / "state")
    (folder / "config").mkdir()
    (folder / "config" / "small.yaml").write_text("sampling: {size: 6}\nseed_set: {count: 10, repeats: 0}\n")
    for kind, place in (("DATA", "data"), ("CONFIG", "config"), ("RESULTS", "results")):
        settings[f"ACTIVE_LABELER_PREPARED__{kind}"] = str(folder / place)
    with (folder / "daemon.txt").open("w") as log:
        daemon = subprocess.Popen([*ACTIVE_LABELER, "serve"], env=settings, stdout=log, stderr=log, cwd=folder)
    rpc.wait_until_healthy(rpc.connect(listen), "orchestrator", 60)
    yield Stack(folder, output, settings, listen)
    for process in (daemon, services):
        process.terminate()
    assert daemon.wait(20) == 0
    assert services.wait(60) == 0
    assert not still_alive([daemon.pid, services.pid])


def _wait_for(file: Path, pattern: str, process: subprocess.Popen[str]) -> str:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        found = re.search(pattern, file.read_text()) if file.exists() else None
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(file.read_text())


def _arguments(stack: Stack) -> list[str | Path]:
    return ["run", *HOG, "--data", stack.folder / "data", "--reference", stack.folder / "reference.png", *LOOP]


def _client(stack: Stack, *arguments: str | Path, cwd: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    settings = {**environment(), "ACTIVE_LABELER_CONTROL": stack.control}
    command = [*ACTIVE_LABELER, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=settings, input=typed, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def embedded(stack: Stack) -> Path:
    """The working directory of the same run with services of its own."""
    work = stack.folder / "embedded"
    work.mkdir()
    done = run_command(*_arguments(stack), cwd=work)
    assert done.returncode == 0, done.stderr
    return work


def _placed(work: Path) -> dict[str, list[str]]:
    root = work / "final_dataset"
    return {side: sorted(file.name for file in (root / side).iterdir()) for side in ("positive", "negative")}


def test_services_say_that_they_are_healthy(stack: Stack) -> None:
    command = [*ACTIVE_LABELER, "services"]
    told = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("healthy") == 5
    devices = re.findall(r"^ +\S+-[0-9a-f]{8} +(cpu|cuda.*)$", told.stdout, re.MULTILINE)
    assert len(devices) == 2, told.stdout  # the embedder's and the trainer's


def test_the_orchestrator_tells_the_links_of_its_labeler(stack: Stack) -> None:
    for settings in (
        {**environment(), "ACTIVE_LABELER_CONTROL": stack.control},
        stack.environment,
    ):  # far away, and beside it
        told = subprocess.run([*ACTIVE_LABELER, "link"], env=settings, capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, told.stderr
        assert re.search(r"The page is at http://127\.0\.0\.1:\d+/ and asks for no token", told.stdout)
        assert "For others: ACTIVE_LABELER_WEB_URL" in told.stdout, "there is no --share in a deployment"


def test_endpoints_give_the_same_end(stack: Stack, embedded: Path) -> None:
    work = stack.folder / "endpoints"
    work.mkdir()
    names = {**environment(), "ACTIVE_LABELER_ARTIFACTS": stack.environment["ACTIVE_LABELER_ARTIFACTS"]}
    command = [*ACTIVE_LABELER, *map(str, _arguments(stack)), "--endpoints", stack.endpoints]
    done = subprocess.run(command, env=names, cwd=work, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert _placed(work) == _placed(embedded)


def test_a_served_run_gives_the_same_end(stack: Stack, embedded: Path) -> None:
    work = stack.folder / "served"
    work.mkdir()
    done = _client(stack, *_arguments(stack), cwd=work)
    assert done.returncode == 0, done.stderr + (stack.folder / "daemon.txt").read_text()
    assert "positives found" in done.stdout
    assert _placed(work) == _placed(embedded)
    rows = label_rows(embedded / "runtime")
    run = (work / "final_dataset" / ".active-labeler.json").read_text().split('"')[3]
    assert label_rows(stack.folder / "shared", run) == rows
    page = _client(stack, "link", "runtime", cwd=work)
    assert "The page is at http" in page.stdout, "the page of a deployment is there after a run"
    nothing = _client(stack, "link", "nowhere", cwd=work)
    assert nothing.returncode != 0
    assert "there is no run in" in nothing.stderr


def test_a_client_answers_the_questions_of_a_served_run_and_can_search(stack: Stack) -> None:
    work = stack.folder / "asked"
    work.mkdir()
    # without the settings that would answer the questions
    arguments = [part for part in _arguments(stack) if part not in ("--auto", "--seed-count", "10")]
    ended = _client(stack, *arguments, cwd=work, typed="7\n")
    assert ended.returncode == 2  # standard input ends at the second question; the run waits on
    stub = control_pb2_grpc.ControlStub(rpc.connect(stack.control))
    status = _asking(stub, str(work / "runtime"))
    _search(stub, status.run, stack)
    with pytest.raises(InvalidInputError, match="whole number"):
        stub.AnswerQuestion(_answer(status, "many"))
    assert stub.AnswerQuestion(_answer(status, "0")).accepted
    assert not stub.AnswerQuestion(_answer(status, "3")).accepted  # the first answer wins
    done = _client(stack, "resume", work / "runtime", cwd=work, typed="l\nx\nq\n")
    assert done.returncode == 0, done.stderr
    assert "'x' is no answer" in done.stdout
    assert (work / "final_model.ckpt").exists()


def _asking(stub: object, runtime: str) -> control_pb2.RunStatus:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for status in stub.ListRuns(control_pb2.ListRunsRequest()).runs:  # type: ignore[attr-defined]
            if status.runtime_path == runtime and status.question.id == "seed-1/count":
                return status
        time.sleep(0.2)
    raise AssertionError("the run does not ask")


def _answer(status: control_pb2.RunStatus, text: str) -> control_pb2.AnswerQuestionRequest:
    return control_pb2.AnswerQuestionRequest(run=status.run, question="seed-1/count", answer=text)


def _search(stub: object, run: str, stack: Stack) -> None:
    search = stub.Search  # type: ignore[attr-defined]
    by_item = search(control_pb2.SearchRequest(run=run, item=3, k=5))
    assert by_item.item[0] == 3
    assert len(by_item.item) == 5
    file = sorted((stack.folder / "data" / "Unlabeled").iterdir())[3]
    by_picture = search(control_pb2.SearchRequest(run=run, picture=file.read_bytes(), k=5))
    assert by_picture.item[0] == 3
    assert by_picture.distance[0] < 1e-2
    with pytest.raises(InvalidInputError):
        search(control_pb2.SearchRequest(run=run, picture=b"no picture"))
    with pytest.raises((InvalidInputError, NotFoundError)):
        search(control_pb2.SearchRequest(run=run, item=1000))


def test_a_run_is_started_labelled_and_finished_from_the_page(stack: Stack) -> None:
    links = control_pb2_grpc.ControlStub(rpc.connect(stack.control)).GetPageLinks(control_pb2.GetPageLinksRequest())
    url = links.admin.split("#")[0].split("?")[0]
    web = httpx.Client(base_url=url, headers={"Origin": url.rstrip("/")}, timeout=20)
    prepared = web.get("api/prepared").raise_for_status().json()
    body = {kind: things[0]["number"] for kind, things in prepared.items()}  # the whole folder, small.yaml, hog
    reference = base64.b64encode((stack.folder / "reference.png").read_bytes()).decode()
    wanted = {**body, "name": "From the page", "question": "A ring?", "picture": reference}
    run = web.post("api/start", json=wanted).raise_for_status().json()["run"]
    _until_labeling(web, run)
    annotator = Annotator(url, "annette")
    annotator.run = run
    end = time.monotonic() + 120
    while (loop := annotator.loop())["state"] != "finished":
        assert time.monotonic() < end, loop
        if loop["question"] is not None:
            annotator.tell_the_loop(loop["question"]["id"], "q")
        annotator.answer()
    results = stack.folder / "results" / "from-the-page"
    assert (results / "final_model.ckpt").exists()
    assert sum(map(len, _placed(results).values())) > 0
    again = web.post("api/start", json=wanted).raise_for_status().json()["run"]  # has a folder of its own
    _until_labeling(web, again)
    web.post(f"api/runs/{again}/stop", json={}).raise_for_status()
    assert (stack.folder / "results" / "from-the-page-2" / "runtime").is_dir()
    picture = base64.b64encode(b"no picture").decode()
    wrong = web.post("api/start", json={**body, "picture": picture}).raise_for_status().json()["run"]
    with pytest.raises(AssertionError, match="no image"):
        _until_labeling(web, wrong)


def _until_labeling(web: httpx.Client, run: str) -> None:
    end = time.monotonic() + 60
    while (course := web.get(f"api/runs/{run}/course").raise_for_status().json())["state"] != "labeling":
        assert course["state"] not in ("failed", "stopped"), course["message"]
        assert time.monotonic() < end, course
        time.sleep(0.2)


def test_bad_requests_to_the_control_service(stack: Stack, tmp_path: Path) -> None:
    stub = control_pb2_grpc.ControlStub(rpc.connect(stack.control))
    with pytest.raises(InvalidInputError, match="no JSON"):
        stub.StartRun(control_pb2.StartRunRequest(settings_json="{"))
    with pytest.raises(InvalidInputError, match="data is not set"):
        stub.StartRun(control_pb2.StartRunRequest(settings_json="{}"))
    with pytest.raises(NotFoundError, match="no run 'x'"):
        stub.GetRun(control_pb2.GetRunRequest(run="x"))
    with pytest.raises(NotFoundError, match="no run 'x'"):
        list(stub.WatchRun(control_pb2.WatchRunRequest(run="x")))
    failed = _client(stack, *_arguments(stack), "--simulate", "zebra", cwd=tmp_path)
    assert failed.returncode == 2, failed.stderr
    assert "'zebra'" in failed.stderr
    finished = next(s for s in stub.ListRuns(control_pb2.ListRunsRequest()).runs if s.state == "finished")
    with pytest.raises(ConflictError, match="finished"):
        stub.Search(control_pb2.SearchRequest(run=finished.run, item=1))


def test_a_call_to_nobody_ends(tmp_path: Path) -> None:
    channel = rpc.connect(f"unix:{tmp_path}/nobody.sock")
    assert isinstance(channel, grpc.Channel)
    assert not rpc.is_healthy(channel, timeout_s=1)


def test_a_deployed_run_is_saved_and_restored(stack: Stack) -> None:
    work = stack.folder / "saved"
    work.mkdir()
    done = _client(stack, *_arguments(stack), cwd=work)
    assert done.returncode == 0, done.stderr
    inside = {name: value for name, value in stack.environment.items() if name != "ACTIVE_LABELER_LISTEN"}

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [*ACTIVE_LABELER, *arguments]
        return subprocess.run(line, cwd=work, env=inside, capture_output=True, text=True, timeout=100)

    saved = command("backup", "runtime", "run.tar")
    assert saved.returncode == 0, saved.stderr
    store = Path(stack.environment["ACTIVE_LABELER_ARTIFACTS"])
    store.rename(stack.folder / "away")  # an artifact volume that is new
    try:
        store.mkdir()
        restored = command("restore", "run.tar", "--runtime", "again")
        assert restored.returncode == 0, restored.stderr  # the labeler has the very same rows
        brought = {path.relative_to(store) for path in store.rglob("*") if path.is_file()}
        assert {path.parts[0] for path in brought} >= {"catalogs", "encoders", "heads"}
    finally:
        shutil.rmtree(store)
        (stack.folder / "away").rename(store)
    status = command("status", "again")
    assert "finished" in status.stdout, status.stdout + status.stderr
