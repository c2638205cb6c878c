"""The short report at the end."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from orchestrator.outputs.curated import Quality
from orchestrator.outputs.report import EndReport, as_text, lines

REPORT = EndReport(
    images=10_000,
    quarantined=3,
    rounds=10,
    labels=220,
    positives=124,
    negatives=90,
    unsure=6,
    curated_positive=900,
    curated_negative=9_091,
    true_positives=1_000,
    quality=Quality(0.8125, 0.73),
    places={"curated set in": Path("/out/final_dataset"), "model": Path("/out/final_model.ckpt")},
)


def test_everything_that_matters_is_said() -> None:
    said = dict(lines(REPORT))
    assert said["images"] == "10,000, 3 of them unreadable and set aside"
    assert said["labels used"] == "220 (124 positive, 90 negative, 6 unsure) in the seed set and 10 rounds"
    assert said["positives found"] == "124 by labels, of 1,000 there are (at random: about 22)"
    assert said["curated set"] == "900 positive, 9,091 negative"
    assert said["precision"] == "81.2 % of the positive side is truly positive"
    assert said["recall"] == "73.0 % of the truly positive images is on the positive side"
    assert said["model"] == "/out/final_model.ckpt"


def test_without_truth_nothing_is_claimed() -> None:
    said = dict(lines(replace(REPORT, true_positives=None, quality=None, unsure=0, quarantined=0, rounds=1)))
    assert "precision" not in said
    assert said["positives found"] == "124 by labels"
    assert said["labels used"].endswith("90 negative) in the seed set and 1 round")


def test_numbers_that_are_not_defined() -> None:
    assert "precision      " in as_text(replace(REPORT, quality=Quality(math.nan, 0.0)))
    assert dict(lines(replace(REPORT, quality=Quality(math.nan, 0.0))))["precision"] == "not defined"


def test_text_shows_whole_paths_and_no_escapes() -> None:
    place = Path("/out/[bold]x[/bold]\x1b[31m\n\udcff/" + "long/" * 40)
    text = as_text(replace(REPORT, places={"model": place}))
    assert "\x1b" not in text
    assert "\udcff" not in text
    assert "[bold]x[/bold]" in text
    assert text.count("long/") >= 39
    assert len(text.splitlines()) == 7
