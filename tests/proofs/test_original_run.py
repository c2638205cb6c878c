"""The original's two YAML files, its questions on standard input, 10,000 real images, ten rounds of each strategy.

``make proof`` runs it (a quarter of an hour on two cores); it needs the shared test data.
"""

from __future__ import annotations

import csv
import hashlib
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import active_labeler
from orchestrator.journal import read_entries
from tests.support.command import environment, kill_at, label_rows, start_command, steps_done
from tests.support.reference_encoders import build, foreign_packages, lightning, save

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

MAIN = Path(__file__).resolve().parents[2] / "main.py"
STRATEGIES = ("random", "uncertainty", "gaussian", "uncertainty_balanced", "positive")
SIDE, DIM = 64, 512
ROUNDS, SIZE, SEEDS = 10, 20, 20

PIPELINE = """verbose:            0
seed:               100
device:             cuda
data_path:          {data}
runtime_path:       {work}/runtime
swipe_label_batch_size:         10

model:
  model_type:       simclr
  model_path:       {checkpoint}
  image_size:       {side}
  embedding_size:   {dim}
  model_config_path:     {work}/model_config.yaml

seed_dataset:
 seed_nn:           1
 ref_img_path:      {reference}
 seed_data_path:    /content/seed_dataset

annoy:
    num_trees:      50

ActiveLabeler:
  sample_size:      {size}
  sampling_strategy: "{strategy}"
  active_label_batch_size: 128
  sampling_nn:              0
  n_closest:                5
  train_dataset_batch_size: 32

test:
   metrics: 1
   pos_class: airplane
   metric_csv_path: {work}/metrics.csv
   prob_csv_path: {work}/prob.csv
   simulate_label: True
"""
MODEL = """encoder:
  encoder_type: SIMCLR
  encoder_path:  {checkpoint}
  e_embedding_size: {dim}
  e_lr: 1e-2
  train_encoder: False

classifier:
  classifier_type: SSLEvaluator
  c_num_classes: 2
  c_hidden_dim: 128
  c_linear_lr: 1e-1
  c_dropout: 0.1
  c_gamma: 0.1
  c_decay_epochs: [60, 80]
  c_weight_decay: 1e-6
  c_final_lr: 1e-6
  c_momentum: 0.9
  c_scheduler_type: cosine

miscellaneous:
  seed: 100
  cpus: 4
  device: cuda

training:
  epochs: 5
"""


@pytest.fixture(scope="module")
def pool(cifar: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 10,000 images under names that put them in a random order, and one broken file; a reference image beside."""
    folder = tmp_path_factory.mktemp("original")
    root = folder / "Dataset" / "Unlabeled"
    root.mkdir(parents=True)
    for image in (cifar / "Unlabeled").iterdir():
        mark = hashlib.sha256(image.name.encode()).hexdigest()[:8]
        (root / f"{mark}_{image.name}").hardlink_to(image)
    (root / "0000_truncated.jpg").write_bytes((cifar / "Unlabeled" / "airplane_0000.jpg").read_bytes()[:300])
    (folder / "reference.jpg").write_bytes((cifar / "Unlabeled" / "airplane_0003.jpg").read_bytes())
    _write_checkpoint(folder / "SIMCLR_cifar.ckpt")
    return folder


def _write_checkpoint(path: Path) -> None:
    """A ResNet-18 with random weights, in the format of the original's self-supervised learner.

    It stands for the file, not for a good encoder: what is proved here is the loop.
    """
    with foreign_packages():
        save(path, lightning(build("resnet18", seed=3), DIM))


@pytest.fixture(scope="module", params=STRATEGIES)
def finished(request: pytest.FixtureRequest, pool: Path) -> Path:
    """The working directory of a run that was answered as people answer the original."""
    work = pool / request.param
    work.mkdir()
    values = {
        "data": pool / "Dataset",
        "work": work,
        "checkpoint": pool / "SIMCLR_cifar.ckpt",
        "reference": pool / "reference.jpg",
        "side": SIDE,
        "dim": DIM,
        "size": SIZE,
        "strategy": request.param,
    }
    for other in pool.glob("*/runtime/artifacts"):  # what was embedded for one run costs the next one nothing
        shutil.copytree(other / "blocks", work / "runtime" / "artifacts" / "blocks")
        break
    (work / "pipeline_config.yaml").write_text(PIPELINE.format(**values))
    (work / "model_config.yaml").write_text(MODEL.format(**values))
    typed = f"{SEEDS}\n0\n" + "l\n" * ROUNDS + "q\n"
    command = [sys.executable, str(MAIN), "--config_path", "pipeline_config.yaml"]
    done = subprocess.run(command, cwd=work, env=environment(), input=typed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (work / "stdout.txt").write_text(done.stdout)
    return work


def _table(work: Path) -> list[dict[str, str]]:
    with (work / "runtime" / "final_dataset.csv").open() as file:
        return list(csv.DictReader(file))


def test_outputs(finished: Path) -> None:
    metrics = pd.read_csv(finished / "metrics.csv")
    assert metrics["step"].tolist() == list(range(1, ROUNDS + 1))
    assert (metrics["labeled_pos"] + metrics["labeled_neg"]).tolist() == [SIZE] * ROUNDS
    trained_on = metrics["pos_train_img"] + metrics["neg_train_imgs"]
    assert trained_on.tolist() == [SEEDS + SIZE * done for done in range(ROUNDS)]
    probabilities = pd.read_csv(finished / "prob.csv")
    for number in range(1, ROUNDS + 1):
        assert probabilities[f"round_{number}"].notna().sum() == 10_000 - SEEDS - SIZE * (number - 1)
    for file in ("final_model.ckpt", "active_labeler.log", "swipelabeler.log", "runtime/annoy_file.ann"):
        assert (finished / file).stat().st_size > 0


def test_every_image_once_on_its_side_by_label_or_by_the_final_model(finished: Path, pool: Path) -> None:
    root = pool / "Dataset" / "Unlabeled"
    sides = {s: {file.name for file in (finished / "final_dataset" / s).iterdir()} for s in ("positive", "negative")}
    assert not sides["positive"] & sides["negative"]
    assert sides["positive"] | sides["negative"] == {file.name for file in root.iterdir()} - {"0000_truncated.jpg"}
    rows = {row["path"]: row for row in _table(finished)}
    labelled = [name for name, row in rows.items() if row["source"] == "label"]
    assert len(labelled) == len(label_rows(finished / "runtime")) == SEEDS + ROUNDS * SIZE
    for name, row in rows.items():
        by_label = "airplane" in name if row["source"] == "label" else float(row["probability"]) >= 0.5
        assert name in sides["positive" if by_label else "negative"]
    some = random.Random(1).sample(sorted(rows), 1500)
    again = active_labeler.load_model(finished / "final_model.ckpt").probabilities([root / name for name in some])
    for name, probability in zip(some, again, strict=True):
        assert float(rows[name]["probability"]) == pytest.approx(probability, abs=1e-4)


def test_a_round_is_short(finished: Path) -> None:
    """Prints what a round took, from one choice to the next; the bar of 3 s on two cores is for quiet machines."""
    times = {str(e["step"]): float(str(e["time"])) for e in read_entries(finished / "runtime" / "journal.jsonl")[0]}
    rounds = [times[f"round-{n + 1}/choice"] - times[f"round-{n}/choice"] for n in range(1, ROUNDS)]
    print(f"\n{finished.name}: a round takes {np.median(rounds):.2f} s (median), {max(rounds):.2f} s at most")
    assert max(rounds) < 30  # a defect, not a busy machine


def test_positive_finds_twice_what_random_finds(pool: Path) -> None:
    found = {}
    for strategy in STRATEGIES:
        work = pool / strategy
        if (work / "runtime").exists():
            found[strategy] = sum(answer == "positive" for _, answer, number in label_rows(work / "runtime") if number)
    print(f"\npositives found in {ROUNDS * SIZE} labels: {found}")
    assert found["positive"] >= 2 * found["random"]


def test_every_service_killed_once_at_a_random_moment(pool: Path) -> None:
    """The same run, and each service (and the orchestrator) dies once; the labels and the selection are the calm run's."""
    calm, work = pool / "uncertainty", pool / "killed"
    work.mkdir()
    shutil.copytree(calm / "runtime" / "artifacts" / "blocks", work / "runtime" / "artifacts" / "blocks")
    for name in ("pipeline_config.yaml", "model_config.yaml"):
        (work / name).write_text((calm / name).read_text().replace(str(calm), str(work)))
    chance = random.Random(20261123)
    victims = ["trainer", "sampler", "labeler", "orchestrator"]
    chance.shuffle(victims)
    victims = ["embedder", "index", *victims]  # these two are at work in the beginning only
    auto = ("--auto", "--rounds", str(ROUNDS), "--seed-count", str(SEEDS))
    process = start_command("run", "--config_path", "pipeline_config.yaml", *auto, cwd=work)
    killed = []
    for victim in victims:
        at = {"embedder": 2, "index": 4}.get(victim, steps_done(work) + chance.randint(2, 9))
        kill_at(process, work, victim, at)
        killed.append((victim, at, process.returncode))
        process = start_command("resume", work / "runtime", *auto[:3], cwd=work)
    assert process.wait(300) == 0, (work / "output.txt").read_text()
    print(f"\nkilled (service, steps done, exit code): {killed}")
    assert all(code != 0 for _, _, code in killed)
    assert label_rows(work / "runtime") == label_rows(calm / "runtime")
    sides = [{row["path"]: (row["side"], row["probability"]) for row in _table(folder)} for folder in (calm, work)]
    assert sides[0] == sides[1]
