"""Speaking with the web side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from protos import rpc
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder
from tests.support import control as control_kit

CLIENT = "a" * 16


def sync(web: httpx.Client, run: str, **parts: Any) -> dict[str, Any]:
    answer = web.post(f"api/runs/{run}/sync", json={"client": CLIENT, "annotator": "Ann", **parts})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@contextmanager
def controlled(
    folder: Path, control: control_kit.Control, names: Sequence[str] = (), **environment: str
) -> Iterator[Service]:
    """A labeler in front of a control service that the test leads.

    Args:
        names: of the images of its run "r"; without any, there is no run.
        environment: settings beyond the usual.
    """
    server = rpc.serve([control_kit.registration(control)], f"unix:{folder}/c.sock")
    service = Service(folder / "labeler", ACTIVE_LABELER_CONTROL=server.address, **environment)
    try:
        if names:
            paint(folder / "data", names)
            service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), folder / "data"), run="r")
        yield service
    finally:
        service.stop()
        server.stop(0)
