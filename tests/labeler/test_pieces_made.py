"""Who makes pieces of large images, and in which order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from services.common.images import UnreadableImageError
from services.labeler.pictures.display import Look
from services.labeler.pictures.orders import Order, Orders, Urgency
from services.labeler.pictures.pyramid import Piece
from services.labeler.pictures.workshop import Workshop
from tests.labeler.kit import banded, wait_for


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "cache", seconds=120)
    yield made
    made.close()


def _strip(file: Path) -> Path:
    """A large image that is cheap."""
    Image.fromarray(banded(5000, 600)).save(file)
    return file


def _alike(file: Path, expected: NDArray[np.uint8]) -> bool:
    with Image.open(file) as image:
        found = np.asarray(image.convert("RGB"), dtype=np.int16)
    return found.shape == expected.shape and float(np.abs(found - expected).mean()) < 3


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE}


def test_a_process_of_its_own_makes_pieces_and_no_picture_waits_for_it(workshop: Workshop, tmp_path: Path) -> None:
    source = _strip(tmp_path / "a.png")
    before = children()
    assert workshop.get("0" * 40, source, look=Look(size=True)).result(30).read_bytes() == b"5000 600"
    (closer,) = children() - before
    first = workshop.get("1" * 40, source, look=Look(piece=Piece(0, 1, 0))).result(30)
    assert _alike(first, banded(5000, 600)[:512, 512:1024])
    os.kill(closer, 19)  # it takes for ever
    waiting = workshop.get("2" * 40, source, look=Look(piece=Piece(0, 2, 0)))
    assert workshop.get("3" * 40, source).result(30).is_file()
    assert not waiting.done()
    os.kill(closer, 18)
    assert waiting.result(30).is_file()


def test_the_process_ends_with_all_that_it_keeps_when_nobody_looks_closely(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "cache", idle_seconds=0.3)
    source, before = _strip(tmp_path / "a.png"), children()
    for name in ("0", "1"):
        assert workshop.get(name * 40, source, look=Look(size=True)).result(30).is_file()
        wait_for(lambda: children() <= before)
    workshop.close()


def test_a_bomb_is_refused_before_memory_is_taken(workshop: Workshop, tmp_path: Path) -> None:
    Image.new("1", (13_400, 13_400)).save(tmp_path / "bomb.png")
    for name, look in (("0", Look(size=True)), ("1", Look(piece=Piece(0, 0, 0)))):
        with pytest.raises(UnreadableImageError, match="pixels"):
            workshop.get(name * 40, tmp_path / "bomb.png", look=look).result(30)


def test_looks_have_names_of_their_own() -> None:
    looks = [
        Look(),
        Look(full=True),
        Look(size=True),
        *(Look(piece=Piece(*where)) for where in ((0, 1, 11), (0, 11, 1))),
    ]
    looks += [Look(piece=Piece(0, 1, 11), levels=True), Look(piece=Piece(1, 1, 1))]
    assert len({look.word for look in looks}) == len(looks)
    assert [look.is_close for look in looks] == [False, False, True, True, True, True, True]


def test_orders_of_one_image_come_together_and_none_has_the_worker_alone() -> None:
    orders = Orders(gathers=True)
    one, other = Path("one"), Path("other")

    def put(name: str, source: Path) -> None:
        orders.put(Urgency.NOW, 0, name, source, Look(size=True))

    for name, source in (("a", one), ("b", other), ("c", one), ("d", other)):
        put(name, source)
    served: list[str] = []
    for order in orders.taken():
        assert isinstance(order, Order)
        orders.begin(order)
        served.append(order.name)
        if order.name == "a":
            put("e", one)  # its turn has begun already
        if len(served) == 5:
            orders.end()
    assert served == ["a", "c", "b", "d", "e"]


def test_nothing_to_do_is_said_once() -> None:
    orders = Orders()
    taken = orders.taken(0.01)
    assert next(taken) is None
    orders.put(Urgency.NOW, 0, "a", Path("a"), Look())
    assert next(taken) is not None
    assert next(taken) is None
    orders.end()
    assert list(taken) == []
