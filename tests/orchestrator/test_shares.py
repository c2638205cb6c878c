"""One form for shares, wherever they are told."""

from __future__ import annotations

import re

from orchestrator.shares import percent
from tests.conftest import REPOSITORY


def test_a_share_has_a_space_before_its_sign() -> None:
    assert [percent(share) for share in (0, 0.9, 1)] == ["0 %", "90 %", "100 %"]
    assert percent(0.9876, 1) == "98.8 %"


def test_no_program_tells_a_share_in_another_form() -> None:
    """What people read comes from these folders; benchmarks write tables for themselves."""
    folders = ("orchestrator", "services", "active_labeler", "protos", "demo")
    files = [file for folder in folders for file in (REPOSITORY / folder).rglob("*.py") if "_pb2" not in file.name]
    assert len(files) > 200
    other = [
        f"{file}: {line}" for file in files for line in file.read_text().splitlines() if re.search(r":[.\d]*%\}", line)
    ]
    assert other == []
