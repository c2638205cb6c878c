"""The measurement of labels: its fast path is what the services do, and its figures are what they say."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.labels.__main__ import main
from benchmarks.labels.arms import ARMS, PACKAGES, Task
from benchmarks.labels.course import Course, run, seed_set
from benchmarks.labels.pools import digits, synthetic
from benchmarks.labels.report import difference, table
from protos import rpc, trainer_pb2_grpc
from protos.common_pb2 import Items
from protos.rpc import Registration
from protos.sampler_pb2 import SelectRequest
from protos.sampler_pb2_grpc import SamplerStub
from protos.trainer_pb2 import ScoreRequest, TrainHeadRequest, TrainingParameters
from protos.wire import to_labels
from services.common.artifacts import ArtifactStore
from services.sampler import servicer as sampler
from services.trainer.logistic_training import Doubt
from services.trainer.servicer import TrainerServicer
from services.trainer.settings import TrainerSettings
from tests.support.stores import put_array


@pytest.mark.parametrize("modes", [1, 4])
def test_the_services_pick_what_the_measurement_picks(tmp_path: Path, modes: int) -> None:
    pool = synthetic(modes, 3_000, 0.02, 0)
    store = ArtifactStore(tmp_path / "store")
    vectors = put_array(store, "vectors/a.npy", pool.vectors)
    present = put_array(store, "present/a.npy", np.ones(len(pool.truth), np.bool_))
    trainer = TrainerServicer(store, TrainerSettings(artifacts=tmp_path / "store"))
    add = partial(trainer_pb2_grpc.add_TrainerServicer_to_server, trainer)
    served = [Registration("activelabeler.v1.Trainer", add), sampler.registration(store)]
    server = rpc.serve(served, f"unix:{tmp_path}/s.sock")
    task = Task(pool, seed=3)
    task.labelled = seed_set(pool, 3)
    try:
        with rpc.connect(server.address) as channel:
            training, sampling = trainer_pb2_grpc.TrainerStub(channel), SamplerStub(channel)
            for number in range(1, 5):
                labels = to_labels(*task.training())
                parameters = TrainingParameters(kind="logistic", c=10, epochs=1, batch_size=1, lr=0.1, seed=1)
                doubted = task.training()[0][task.training()[1]] if number > 2 else []
                task.doubt = Doubt(np.array(doubted, dtype=np.uint64), 0.3)
                request = TrainHeadRequest(run="a", vectors=vectors, labels=labels, parameters=parameters)
                request.MergeFrom(TrainHeadRequest(doubted=doubted, believed_from=0.3))
                head = training.TrainHead(request).head
                scores = training.Score(ScoreRequest(run="a", head=head, vectors=vectors, present=present)).scores
                asked = Items(item=sorted(task.labelled))
                wanted = SelectRequest(run="a", round=number, strategy="hybrid", count=20, seed=3, scores=scores)
                wanted.MergeFrom(SelectRequest(present=present, excluded=asked, vectors=vectors, labels=labels))
                picks = [pick.item for pick in sampling.Select(wanted).picks]
                assert picks == ARMS["ours"](task, number, 20)[0].tolist()
                task.labelled += picks
    finally:
        server.stop(0)


def test_every_label_counts_once_and_the_course_never_falls() -> None:
    task = Task(digits(3), seed=1)
    course = run(task, ARMS["ours"])
    assert len(set(task.labelled)) == len(task.labelled) == 520
    assert len(course.found) == 26
    assert course.found == sorted(course.found)
    assert course.found[-1] == task.pool.truth[task.labelled].mean() * 520 / 16
    assert course.labels_to(2.0) == float("inf")


@pytest.mark.parametrize("arm", [name for name in ARMS if "intended" not in name])
def test_all_arms_begin_with_the_same_seed_set(arm: str) -> None:
    if arm in PACKAGES:
        pytest.importorskip(PACKAGES[arm], reason=f"{PACKAGES[arm]} is not installed")
    task = Task(digits(5), seed=2)
    task.labelled = seed_set(task.pool, 2)
    items, scores = ARMS[arm](task, 1, 20)
    assert len(set(items.tolist()) - set(task.labelled)) == 20
    assert scores.shape == task.pool.truth.shape
    assert task.labelled == seed_set(task.pool, 2)


def test_a_pool_has_so_many_positives_and_is_the_same_each_time() -> None:
    for pool in (synthetic(4, 10_000, 0.002, 7), synthetic(4, 10_000, 0.002, 7)):
        assert (len(pool.truth), int(pool.truth.sum()), pool.name) == (10_000, 20, "4-mode 10k 0.2%")
    assert np.array_equal(synthetic(1, 1_000, 0.01, 1).vectors, synthetic(1, 1_000, 0.01, 1).vectors)
    assert int(digits(0).truth.sum()) == 16


def test_one_arm_on_one_data_set_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="the plot needs it")
    wanted = ["--quick", "--arms", "random", "--data", "digits", "--out", str(tmp_path)]
    main(wanted)
    first = capsys.readouterr().out
    kept = (tmp_path / "courses.jsonl").read_text()
    main(wanted)
    assert capsys.readouterr().out == first
    assert (tmp_path / "courses.jsonl").read_text() == kept
    assert [line.split("|")[1].strip() for line in first.splitlines() if line.startswith("| ")] == [
        "arm",
        "---",
        "random",
        "ours",
    ]
    assert (tmp_path / "label-efficiency.png").stat().st_size > 0


def test_a_data_set_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", "letters", "--out", str(tmp_path)])
    assert "no data set's name holds letters" in capsys.readouterr().err


def test_longer_runs_are_kept_beside_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="the plot needs it")
    wanted = ["--quick", "--arms", "random", "--data", "digits", "--out", str(tmp_path)]
    for labels in ("120", "140", "120"):
        main([*wanted, "--labels", labels])
        assert f"| found at {labels} |" in capsys.readouterr().out
    lengths = [
        len(json.loads(line)["course"]["found"]) for line in (tmp_path / "courses.jsonl").read_text().splitlines()
    ]
    assert lengths == [6] * 20 + [7] * 20  # ten classes, two arms; the third call ran nothing


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--labels", "100"], "--labels is 100; runs end with a multiple of 20 above 100"),
        (["--labels", "530"], "--labels is 530"),
        (["--labels", "-20"], "--labels is -20"),
        (["--seeds", "0"], "--seeds is 0; it takes at least one"),
    ],
)
def test_a_number_that_cannot_be_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], told: str
) -> None:
    with pytest.raises(SystemExit):
        main([*wrong, "--out", str(tmp_path)])
    assert told in capsys.readouterr().err


def _course(found: float) -> Course:
    return Course([0.0, found], (1.0, 1.0), (found, found))


def test_the_interval_is_paired_and_over_classes() -> None:
    ours = {(number, seed): _course(0.6 + 0.01 * number) for number in range(10) for seed in range(5)}
    other = {(number, 0): _course(0.5 + 0.01 * number) for number in range(10)}
    assert difference(ours, other) == pytest.approx((0.1, 0.1, 0.1))
    lines = "\n".join(table("a pool", {"random": other, "ours": ours}))
    assert "| random | 10 | 0.545 | +0.100 (+0.100 to +0.100) | 40 / - / - / - |" in lines
