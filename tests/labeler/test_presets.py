"""Where people reach the page."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from protos.errors import InvalidInputError
from services.labeler.presets import preset_of
from tests.labeler.kit import Service

NUMBER, OUTER, COLAB = "192.168.1.5:5000", "labels.example.org", "x-5000.googleusercontent.com"


@pytest.mark.parametrize(
    ("place", "known", "frames"),
    [
        ("localhost", [], "'self' http://localhost:* http://127.0.0.1:*"),
        ("lan", [NUMBER, socket.gethostname()], "'self'"),
        ("proxy", [OUTER], "'self'"),
        ("colab", [COLAB], "'self' https://colab.research.google.com https://*.googleusercontent.com"),
    ],
)
def test_each_place_has_its_names_and_frames(tmp_path: Path, place: str, known: list[str], frames: str) -> None:
    url = f"https://{OUTER}/" if place == "proxy" else ""
    service = Service(tmp_path, ACTIVE_LABELER_WEB_PLACE=place, ACTIVE_LABELER_WEB_URL=url)
    try:
        with httpx.Client(base_url=service.url) as web:
            for host in (NUMBER, OUTER, COLAB, socket.gethostname()):
                assert web.get("api/runs", headers={"Host": host}).status_code == (200 if host in known else 421), host
            answer = web.get("api/runs", headers={"Host": "localhost:1"})
            assert answer.status_code == 200
            assert f"frame-ancestors {frames}" in answer.headers["content-security-policy"]
    finally:
        service.stop()


def test_a_proxy_without_an_address_is_told() -> None:
    with pytest.raises(InvalidInputError, match="ACTIVE_LABELER_WEB_URL is not set; set it to the address"):
        preset_of("proxy", "")
