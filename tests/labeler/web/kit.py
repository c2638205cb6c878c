"""Speaking with the web side."""

from __future__ import annotations

from typing import Any

import httpx

CLIENT = "a" * 16


def sync(web: httpx.Client, run: str, **parts: Any) -> dict[str, Any]:
    answer = web.post(f"api/runs/{run}/sync", json={"client": CLIENT, "annotator": "Ann", **parts})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
