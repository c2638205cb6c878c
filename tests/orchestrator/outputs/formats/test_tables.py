"""CSV, Parquet and the label events, read back by the libraries that people read them with."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from orchestrator.outputs.formats.registry import write_format
from orchestrator.outputs.formats.snapshot import Snapshot
from orchestrator.outputs.formats.tables import COLUMNS
from protos.errors import InvalidInputError
from tests.orchestrator.outputs.formats.conftest import BAD, PATHS, UNDONE, UNREADABLE, UNSURE


def _path(text: str, encoded: str) -> str:
    return os.fsdecode(base64.b64decode(encoded)) if encoded else text


def _check(table: pd.DataFrame, snapshot: Snapshot) -> None:
    assert tuple(table.columns) == COLUMNS
    assert [_path(*pair) for pair in zip(table["path"], table["path_base64"], strict=True)] == PATHS
    assert table["path"][BAD] == "bad-\\xff\\x80.png"
    assert (table["path_base64"] != "").sum() == 1
    for item, image in enumerate(snapshot.images()):
        row = table.loc[item]
        assert (row["sha256"], row["side"], row["source"]) == (image.sha256, image.side, image.source)
        assert (row["answer"], row["bin"]) == (image.answer, image.bin)
        assert pd.isna(row["round"]) if image.round is None else row["round"] == image.round
        if image.probability is None:
            assert pd.isna(row["probability"])
        else:
            assert row["probability"] == pytest.approx(image.probability, abs=1e-5)
    bins = table["bin"]
    assert (bins[UNREADABLE], bins[UNSURE]) == ("unreadable", "review")
    assert set(bins) == {"unreadable", "review", "accept", "reject"}
    assert (table["answer"][UNDONE], table["source"][UNDONE], table["side"][UNDONE]) == ("", "prediction", "positive")
    assert table["annotator"][0] == "bob \\xff"
    assert [item for item, flagged in enumerate(table["flagged"]) if flagged == "yes"] == [0]
    assert table["notes"][0] == "anna: a ring; bob: two rings"
    assert table["notes"][BAD] == 'anna: =looks, odd; "so"'
    assert (table["notes"] != "").sum() == 2


def test_csv_with_pandas(snapshot: Snapshot, tmp_path: Path) -> None:
    place = write_format("csv", snapshot, tmp_path / "out")
    assert place == tmp_path / "out" / "images.csv"
    text = ["path", "sha256", "side", "source", "bin", "answer", "annotator", "path_base64", "flagged", "notes"]
    kinds = dict.fromkeys(text, str)
    _check(pd.read_csv(place, dtype=kinds, keep_default_na=False, na_values={"probability": "", "round": ""}), snapshot)


def test_after_a_proof_what_lies_below_its_line_is_for_review(make: Callable[..., Snapshot]) -> None:
    """Nobody has labelled it, and without the proof it would have been accepted."""
    plain = make()
    proved = replace(plain, threshold=0.8, review_from=0.5)
    for before, after in zip(plain.images(), proved.images(), strict=True):
        below = after.probability is not None and 0.5 <= after.probability < 0.8
        if below and not after.answer and before.bin == "accept":
            assert after.bin == "review"
        else:
            assert after.bin == before.bin
    assert sum(image.bin == "review" for image in proved.images()) > sum(i.bin == "review" for i in plain.images())


def test_parquet_with_pandas(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow (the extra `parquet`) is not installed")
    monkeypatch.setattr("orchestrator.outputs.formats.tables._ROWS", 7)
    place = write_format("parquet", snapshot, tmp_path / "out")
    table = pd.read_parquet(place)
    text = [name for name in COLUMNS if name not in ("probability", "round")]
    assert table[text].isna().any().any(), "what is not known is null"
    table[text] = table[text].fillna("")
    _check(table, snapshot)


def test_parquet_says_what_it_is_of(snapshot: Snapshot, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow (the extra `parquet`) is not installed")
    about = parquet.read_schema(write_format("parquet", snapshot, tmp_path / "out")).metadata
    assert (about[b"run"], about[b"positive_name"]) == (b"one", b'red <&> "car"')


def test_without_pyarrow_there_is_a_sentence(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        InvalidInputError, match=r"Parquet needs pyarrow, not installed here: .* or choose --format csv"
    ):
        write_format("parquet", snapshot, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_every_event_is_a_line(snapshot: Snapshot, tmp_path: Path) -> None:
    place = write_format("jsonl", snapshot, tmp_path / "out")
    lines = [json.loads(line) for line in place.read_bytes().decode("utf-8").splitlines()]
    assert [line["position"] for line in lines] == list(range(1, len(snapshot.events) + 1))
    undone = [line for line in lines if line["path"] == "undone.png"]
    assert [line["answer"] for line in undone] == ["negative", "retracted"]
    late = next(line for line in lines if line["late"])
    assert (late["annotator"], late["reason"], late["round"]) == ("bob \\xff", "boundary", 1)
    assert late["sha256"] == snapshot.image(0).sha256
    assert lines[0]["time"] == "2023-11-14T22:13:20.124Z"
    assert [line["head_position"] for line in lines[:3]] == [None, None, 0]


def test_every_flag_and_note_is_a_line(snapshot: Snapshot, tmp_path: Path) -> None:
    place = write_format("notes", snapshot, tmp_path / "out")
    lines = [json.loads(line) for line in place.read_bytes().decode("utf-8").splitlines()]
    assert [(line["annotator"], line["flag"], line["note"]) for line in lines] == [
        ("bob \\xff", True, ""),
        ("anna", False, '=looks, odd; "so"'),
        ("anna", False, "a ring"),
        ("bob", True, "two rings"),
    ]
    assert [line["path"] for line in lines if "path_base64" not in line] == [snapshot.curated.paths[0]] * 3
    assert (lines[0]["sha256"], lines[0]["time"]) == (snapshot.image(0).sha256, "2023-11-14T22:13:20.123Z")


def test_no_images_are_no_rows(make: Callable[..., Snapshot], tmp_path: Path) -> None:
    snapshot = make()
    nobody = Snapshot(replace(snapshot.curated, paths=[]), "cat")
    for name in ("csv", "jsonl", "parquet", "coco", "labelstudio", "fiftyone", "imagefolder"):
        assert write_format(name, nobody, tmp_path / "out").exists()
