"""Derivatives: made by a worker process that may die, never by us."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest
from PIL import Image

from protos.errors import UnavailableError
from services.common.catalog import Row
from services.common.images import UnreadableImageError
from services.labeler.pictures.display import Look, derive, media_type
from services.labeler.pictures.orders import Urgency
from services.labeler.pictures.process import WorkerProcess
from services.labeler.pictures.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "cache", seconds=10)
    yield made
    made.close()


def _photo(path: Path, size: tuple[int, int] = (400, 300)) -> Path:
    Image.effect_noise(size, 60).convert("RGB").save(path)
    return path


def _get(workshop: Workshop, source: Path, ahead: bool = False) -> Future[Path]:
    urgency = Urgency.AHEAD if ahead else Urgency.NOW
    return workshop.get(f"{abs(hash(source)):040d}", source, urgency)


def test_a_derivative_is_made_once(workshop: Workshop, tmp_path: Path) -> None:
    source = _photo(tmp_path / "a.png")
    first = _get(workshop, source).result(20)
    made = first.stat().st_mtime_ns
    assert _get(workshop, source).result(1) == first
    assert first.stat().st_mtime_ns == made


def test_a_cut_off_derivative_is_made_again(workshop: Workshop, tmp_path: Path) -> None:
    source = _photo(tmp_path / "a.png")
    target = _get(workshop, source).result(20)
    target.write_bytes(b"")
    assert _get(workshop, source).result(20).stat().st_size > 1000


def test_those_that_somebody_waits_for_come_first(workshop: Workshop, tmp_path: Path) -> None:
    sources = [_photo(tmp_path / f"{n}.png", (900, 900)) for n in range(6)]
    now = _photo(tmp_path / "now.png")
    finished: list[str] = []

    def want(source: Path, ahead: bool) -> Future[Path]:
        future = _get(workshop, source, ahead)
        if ahead or source == now:
            future.add_done_callback(lambda _: finished.append(source.name))
        return future

    promised = [want(source, True) for source in sources]
    assert want(sources[5], False) is promised[5]  # promised already, and now somebody waits for it
    want(now, False).result(30)
    for future in promised:
        future.result(30)
    assert sorted(finished) == sorted(source.name for source in [*sources, now])
    assert finished.index("5.png") <= 1  # the worker was at work on the first one at most
    assert finished.index("now.png") <= 2


def test_a_reason_is_remembered(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "no.png"
    source.write_bytes(b"GIF89a nothing")
    for _ in range(2):
        with pytest.raises(UnreadableImageError, match=r"damaged image|no image"):
            _get(workshop, source).result(20)


def test_a_file_that_is_away_is_tried_again(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "later.png"
    with pytest.raises(UnreadableImageError, match="No such file"):
        _get(workshop, source).result(20)
    _photo(source)
    assert _get(workshop, source).result(20).is_file()


def test_a_worker_that_dies_takes_nobody_with_it(workshop: Workshop, tmp_path: Path) -> None:
    """A named pipe keeps the decoder waiting for ever; it is killed, as a hostile file would."""
    impatient = Workshop(tmp_path / "other", seconds=1.5)
    _get(impatient, _photo(tmp_path / "warm.png")).result(20)
    os.kill(_worker_of(impatient), 9)
    assert _get(impatient, _photo(tmp_path / "good.png")).result(20).is_file()
    os.kill(_worker_of(impatient), 19)  # it hangs
    with pytest.raises(UnreadableImageError, match="did not survive"):
        _get(impatient, _photo(tmp_path / "hangs.png")).result(20)
    assert _get(impatient, _photo(tmp_path / "after.png")).result(20).is_file()
    impatient.close()


def test_one_death_of_the_decoder_is_no_verdict_and_two_are(workshop: Workshop, tmp_path: Path) -> None:
    impatient = Workshop(tmp_path / "other", seconds=2.5)
    source = _photo(tmp_path / "slow.png")
    _get(impatient, _photo(tmp_path / "warm.png")).result(20)
    os.kill(_worker_of(impatient), 19)  # it hangs
    with pytest.raises(UnreadableImageError, match="did not survive"):
        _get(impatient, source).result(20)
    assert not list((tmp_path / "other").rglob("*.txt"))
    assert _get(impatient, source).result(20).is_file()

    fatal = _photo(tmp_path / "fatal.png")
    for n in range(2):
        _get(impatient, _photo(tmp_path / f"{n}.png")).result(20)
        os.kill(_worker_of(impatient), 19)
        with pytest.raises(UnreadableImageError, match="did not survive"):
            _get(impatient, fatal).result(20)
    assert len(list((tmp_path / "other").rglob("*.txt"))) == 1
    with pytest.raises(UnreadableImageError, match="did not survive"):
        _get(impatient, fatal).result(0)  # from the note, at once
    impatient.close()


def test_a_decoder_that_does_not_start_is_no_verdict_on_any_image(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _photo(tmp_path / "good.png")
    for program in ("/bin/false", str(tmp_path / "gone")):
        with monkeypatch.context() as broken:
            broken.setattr(sys, "executable", program)
            for _ in range(3):
                with pytest.raises(UnavailableError, match="no process that decodes can be started"):
                    _get(workshop, source).result(20)
    assert not list((tmp_path / "cache").rglob("*.txt"))
    assert _get(workshop, source).result(20).is_file()


def test_a_note_that_cannot_be_written_holds_nobody_up(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "no.png"
    source.write_bytes(b"GIF89a nothing")
    name = "0" * 40
    workshop._note(name).parent.mkdir()
    workshop._note(name).mkdir()  # no file can be written there, as on a full disk
    with pytest.raises(UnreadableImageError):
        workshop.get(name, source).result(20)
    assert _get(workshop, _photo(tmp_path / "next.png")).result(20).is_file()


def test_a_folder_that_cannot_be_made_is_told_and_holds_nobody_up(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "cache" / "00").write_text("no folder")
    with pytest.raises(UnavailableError, match="no derivative can be written to"):
        workshop.get("0" * 40, _photo(tmp_path / "a.png")).result(20)
    assert workshop.get("1" * 40, _photo(tmp_path / "b.png")).result(20).is_file()


def _worker_of(workshop: Workshop) -> int:
    """The process number of a workshop's only worker."""
    import gc

    for worker in gc.get_objects():
        if isinstance(worker, WorkerProcess) and worker._seconds == workshop._seconds and worker._process:
            return worker._process.pid
    raise AssertionError("no worker")


def test_decoding_gives_way_to_answers(workshop: Workshop, tmp_path: Path) -> None:
    workshop.get("0" * 40, _photo(tmp_path / "a.png")).result(20)
    assert psutil.Process(_worker_of(workshop)).nice() == min(19, psutil.Process().nice() + 10)


def test_a_bomb_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    start = time.monotonic()
    with pytest.raises(UnreadableImageError, match="pixels"):
        _get(workshop, tmp_path / "bomb.png").result(20)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
def test_every_mode_can_be_shown(tmp_path: Path, mode: str) -> None:
    source = tmp_path / "image.tif"
    Image.new(mode, (300, 20)).save(source)
    data = derive(source)
    assert media_type(data) == "image/jpeg"


def test_a_rotated_photograph_stands_upright_and_says_nothing_of_its_place(tmp_path: Path) -> None:
    source = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    Image.new("RGB", (800, 600)).save(source, exif=exif)
    data = derive(source)
    (tmp_path / "out.jpg").write_bytes(data)
    shown = Image.open(tmp_path / "out.jpg")
    assert shown.size == (600, 800)
    assert b"camera" not in data


def test_a_file_that_changes_gets_another_derivative(tmp_path: Path) -> None:
    first = Workshop.name_of(tmp_path, Row(0, "a.png", 10, 1))
    assert first != Workshop.name_of(tmp_path, Row(0, "a.png", 10, 2))
    assert first == Workshop.name_of(tmp_path, Row(5, "a.png", 10, 1))


def test_levels_draw_a_dark_image_apart(workshop: Workshop, tmp_path: Path) -> None:
    dark = Image.linear_gradient("L").point(lambda value: value // 16).convert("RGB").resize((400, 400))
    dark.save(tmp_path / "dark.png")
    with Image.open(workshop.get("d" * 40, tmp_path / "dark.png").result(20)) as plain:
        assert max(high for _, high in plain.convert("RGB").getextrema()) <= 20
    look = Look(levels=True)
    with Image.open(workshop.get("e" * 40, tmp_path / "dark.png", look=look).result(20)) as bright:
        assert max(high for _, high in bright.convert("RGB").getextrema()) >= 240


def test_a_window_of_a_scene_is_shown_alone(tmp_path: Path) -> None:
    scene = Image.new("RGB", (400, 300), "red")
    scene.paste("blue", (100, 50, 164, 98))
    scene.save(tmp_path / "scene.png")
    with Image.open(io.BytesIO(derive(tmp_path / "scene.png#100,50,64,48"))) as shown:
        assert shown.size == (64, 48) and shown.convert("RGB").getextrema() == ((0, 0), (0, 0), (255, 255))
    with pytest.raises(UnreadableImageError, match="the window ends at"):
        derive(tmp_path / "scene.png#390,50,64,48")
