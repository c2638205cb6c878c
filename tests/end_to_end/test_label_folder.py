"""``active-labeler label FOLDER``: the original swipe labeler's folder mode, through the page's own protocol."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.labeler.kit import paint
from tests.support.annotator import Annotator
from tests.support.command import run_command, services_of, start_command, still_alive

pytestmark = pytest.mark.slow
NAMES = [f"{n:02}_{'ring' if n % 3 == 0 else 'disc'}.png" for n in range(12)]
SIDES = ("Labeled_Positive", "Labeled_Negative", "Unsure")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    paint(tmp_path / "images", NAMES)
    paint(tmp_path / "images" / "more", ["00_ring.png", "x_disc.png"])
    return tmp_path


def start(place: Path, *more: str) -> subprocess.Popen[str]:
    (place / "output.txt").unlink(missing_ok=True)
    return start_command("label", "images", "--port", "0", *more, cwd=place)


def page_of(place: Path, process: subprocess.Popen[str]) -> str:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if found := re.search(r"wait for you at (http://127\.0\.0\.1:\d+/)\n", (place / "output.txt").read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError((place / "output.txt").read_text())


def placed(place: Path) -> dict[str, list[str]]:
    return {side: sorted(path.name for path in (place / "Labeled" / side).iterdir()) for side in SIDES}


def untouched(place: Path) -> dict[str, tuple[bytes, int]]:
    images = sorted((place / "images").rglob("*.png"))
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in images}


def test_a_folder_is_sorted_to_its_end_and_stays_as_it_is(place: Path) -> None:
    before = untouched(place)
    process = start(place)
    ann = Annotator(page_of(place, process), "ann")
    assert ann.sync()["batch_size"] == 5
    while ann.answer():
        pass
    assert process.wait(120) == 0
    found = placed(place)
    assert len(found["Labeled_Positive"]) == 5
    assert len(found["Labeled_Negative"]) == 9
    assert found["Unsure"] == []
    twice = [name for name in found["Labeled_Positive"] if name.startswith("00_ring")]
    assert len(twice) == 2  # of two folders, told apart by a mark
    links = [place / "Labeled" / side / name for side in SIDES for name in found[side]]
    assert all(link.is_symlink() for link in links)
    assert {str(link.resolve()) for link in links} == set(before)
    assert untouched(place) == before
    assert "14 of 14 images have an answer: 5 positive, 9 negative, 0 unsure" in (place / "output.txt").read_text()


def test_a_killed_one_goes_on_with_changed_minds_and_new_images(place: Path) -> None:
    process = start(place, "--mode", "copy")
    ann = Annotator(page_of(place, process), "ann")
    for _ in range(6):
        ann.answer()
    leaves = {"client": ann.client, "annotator": "ann", "leave": True}  # otherwise her cards stay hers for a minute
    ann.http.post(f"api/runs/{ann.run}/sync", json=leaves).raise_for_status()
    children = list(services_of(process.pid).values())
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 20
    while still_alive(children):
        assert time.monotonic() < end
        time.sleep(0.1)
    (place / "images" / "late_ring.png").write_bytes((place / "images" / NAMES[0]).read_bytes())
    process = start(place, "--mode", "copy")
    bob = Annotator(page_of(place, process), "bob")
    assert not set(bob.said) & set(ann.said)
    mark = {"sequence": 900, "item": ann.said[0], "round": 1, "answer": "unsure"}
    body = {"client": bob.client, "annotator": "ann", "events": [mark]}
    assert bob.http.post(f"api/runs/{bob.run}/marks", json=body).status_code == 200
    while bob.answer():
        pass
    assert process.wait(120) == 0
    assert set(bob.said) == set(range(15)) - set(ann.said)
    found = placed(place)
    assert [len(found[side]) for side in SIDES] == [5, 9, 1]
    assert "late_ring.png" in found["Labeled_Positive"]
    assert not any((place / "Labeled" / side / name).is_symlink() for side in SIDES for name in found[side])


def test_finishing_early_keeps_the_rest_for_the_next_time(place: Path) -> None:
    process = start(
        place, "--path_for_pos_labels", "yes", "--path_for_neg_labels", "no", "--path_for_unsure_labels", "perhaps"
    )
    ann = Annotator(page_of(place, process), "ann")
    for _ in range(4):
        ann.answer()
    ann.http.post(f"api/runs/{ann.run}/finish", json={"round": 1}).raise_for_status()
    assert process.wait(120) == 0
    assert "10 are left for the next time" in (place / "output.txt").read_text()
    assert len(list((place / "yes").iterdir())) + len(list((place / "no").iterdir())) == 4
    process = start(
        place, "--path_for_pos_labels", "yes", "--path_for_neg_labels", "no", "--path_for_unsure_labels", "perhaps"
    )
    assert "10 images wait for you" in (page_of(place, process) and (place / "output.txt").read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
    assert "The same command goes on" in (place / "output.txt").read_text()


def test_folders_next_to_each_other_are_kept_apart(place: Path) -> None:
    """The original's `Labeled/` is next to the folder, and so the same for both."""
    paint(place / "others", ["a_ring.png", "b_disc.png"])
    process = start(place)
    ann = Annotator(page_of(place, process), "ann")
    ann.answer()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
    for more in ([], ["--runtime", "elsewhere"]):
        done = run_command("label", "others", "--port", "0", *more, cwd=place)
        assert done.returncode == 4, done.stderr
        assert (
            f"{place / 'Labeled'} is for what is sorted of {place / 'images'}, not of {place / 'others'}" in done.stderr
        )
        assert f"--output {place / 'Labeled_others'}" in done.stderr
    (place / "output.txt").unlink()
    process = start_command("label", "others", "--port", "0", "--output", str(place / "Labeled_others"), cwd=place)
    bob = Annotator(page_of(place, process), "bob")
    while bob.answer():
        pass
    assert process.wait(120) == 0
    found = {path.parent.name: path.name for path in (place / "Labeled_others").glob("[LU]*/*")}
    assert found == {"Labeled_Positive": "a_ring.png", "Labeled_Negative": "b_disc.png"}
    assert sum(len(names) for names in placed(place).values()) == 1


def test_a_file_of_somebody_else_is_never_replaced(place: Path) -> None:
    (place / "Labeled" / "Unsure").mkdir(parents=True)
    (place / "Labeled" / "Unsure" / NAMES[3]).write_text("mine")
    done = run_command("label", "images", "--port", "0", cwd=place)
    assert done.returncode == 4
    assert "is there already, and was not put there by this command" in done.stderr
    assert (place / "Labeled" / "Unsure" / NAMES[3]).read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "which folder? Give one"),
        (["nowhere"], 2, "nowhere does not exist"),
        (["images/x_disc.png"], 2, "x_disc.png does not exist"),
        ([f"images/{NAMES[0]}"], 2, f"{NAMES[0]} is a file; give the folder"),
        (["empty"], 2, "there is no image in"),
        (["images", "--mode", "list"], 2, "--mode list: take copy, hardlink, symlink"),
        (["images", "--path_for_pos_labels", "images/yes"], 2, "would lie among the images"),
        (["images", "--path_for_pos_labels", "a", "--path_for_neg_labels", "a"], 2, "two sides have the same folder"),
        (["images", "--batch_size", "0"], 2, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_sorted(place: Path, arguments: list[str], code: int, sentence: str) -> None:
    (place / "empty").mkdir()
    done = run_command("label", *arguments, cwd=place)
    assert done.returncode == code, done.stdout + done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_one_place_is_sorted_by_one_process(place: Path) -> None:
    process = start(place)
    page_of(place, process)
    again = run_command("label", "images", "--port", "0", cwd=place)
    assert again.returncode == 4
    assert "another labeler has the label store" in again.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
