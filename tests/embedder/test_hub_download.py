"""Models by name: through the hub's cache, from a hub that the test is; and what is said where there is no network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from protos import embedder_pb2 as messages
from protos import embedder_pb2_grpc as services
from protos import rpc
from protos.errors import InvalidInputError, NotFoundError

pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import hub_models as hub

COMMIT = "0" * 39 + "1"
pytestmark = pytest.mark.slow


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download asks for: the list of a repository's files, and the files."""

    folder: Path
    asked: list[str]
    busy = 0  # the status of all answers, where the hub has trouble of its own

    def do_GET(self) -> None:
        self._answer(True)

    def do_HEAD(self) -> None:
        self._answer(False)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if self.busy:
            return self._send(self.busy, b"{}", body)
        if "gated/" in path:
            return self._send(403, b"{}", body, {"X-Error-Code": "GatedRepo", "X-Error-Message": "no access"})
        if "broken/" in path:
            return self._send(500, b"{}", body)
        if "small/clip" not in path:
            return self._send(404, b"{}", body, {"X-Error-Code": "RepoNotFound"})
        names = sorted(file.name for file in self.folder.iterdir())
        if path.startswith("/api/models/small/clip/tree/"):
            sizes = [{"type": "file", "path": n, "size": (self.folder / n).stat().st_size, "oid": "a"} for n in names]
            return self._send(200, json.dumps(sizes).encode(), body)
        if path.startswith("/api/"):
            about = {"id": "small/clip", "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}
            return self._send(200, json.dumps(about).encode(), body)
        file = self.folder / path.rpartition("/")[2]
        if not file.is_file():
            return self._send(404, b"", body, {"X-Error-Code": "EntryNotFound"})
        data = file.read_bytes()
        etag = hashlib.sha256(data).hexdigest()
        return self._send(200, data, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, data: bytes, body: bool, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """The address of a hub, the folder of its one model, and what it is asked for."""
    hub.save_model(tmp_path / "remote", "clip")
    (tmp_path / "remote" / "pytorch_model.bin").write_bytes(b"never fetched")
    (tmp_path / "remote" / "evil.py").write_text("raise SystemExit")
    kind = type("OneHub", (Hub,), {"folder": tmp_path / "remote", "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "remote", kind.asked  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@contextmanager
def embedder(tmp_path: Path, endpoint: str) -> Iterator[services.EmbedderStub]:
    """A process of its own: where the hub is, its client reads when it is imported."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "OMP_NUM_THREADS") if name in os.environ}
    settings = {"ACTIVE_LABELER_ARTIFACTS": str(tmp_path / "a"), "ACTIVE_LABELER_LISTEN": f"127.0.0.1:{port}"}
    where = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "services.embedder"],
        env={**keep, **settings, **where},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline().startswith("READY")
        with rpc.connect(f"127.0.0.1:{port}", timeout_s=120) as channel:
            yield services.EmbedderStub(channel)
    finally:
        process.terminate()
        process.wait(20)


def import_model(stub: services.EmbedderStub, name: str) -> messages.ImportEncoderResponse:
    return stub.ImportEncoder(messages.ImportEncoderRequest(model=name))


def test_a_model_by_name_comes_through_the_cache(tmp_path: Path, remote: tuple[str, Path, list[str]]) -> None:
    endpoint, folder, asked = remote
    with embedder(tmp_path, endpoint) as stub:
        found = import_model(stub, "small/clip")
        assert found.encoder.architecture == "clip" and "understands phrases" in found.found
        assert import_model(stub, str(folder)) == found
        assert not [path for path in asked if re.search(r"resolve.*\.(bin|py)$", path)]
        with pytest.raises(
            NotFoundError, match="the hub has no model small/unknown, or keeps it private; look for its name"
        ):
            import_model(stub, "small/unknown")
        with pytest.raises(
            NotFoundError, match="gated/model is for those who agreed to its terms; agree at the hub and set"
        ):
            import_model(stub, "gated/model")
        with pytest.raises(
            NotFoundError, match=r"the hub does not give the model broken/model \(.*500.*\); try again later"
        ):
            import_model(stub, "broken/model")
        for status in (429, 503):  # what is in the cache is enough
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Hub, "busy", status)
                assert import_model(stub, "small/clip") == found
    with embedder(tmp_path, "http://127.0.0.1:9") as stub:  # nobody is there: what is in the cache is enough
        assert import_model(stub, "small/clip") == found
        with pytest.raises(
            NotFoundError,
            match=r"other/model is not in the hub's cache.*cannot be reached \(.*refused\).*give the folder that it is in",
        ):
            import_model(stub, "other/model")


def test_a_model_without_safe_weights_is_refused(tmp_path: Path, remote: tuple[str, Path, list[str]]) -> None:
    endpoint, folder, _ = remote
    (folder / "model.safetensors").unlink()
    with embedder(tmp_path, endpoint) as stub:
        with pytest.raises(InvalidInputError, match=r"small/clip cannot be used: it has no model\.safetensors"):
            import_model(stub, "small/clip")


def test_a_hub_that_takes_connections_and_never_answers_is_given_up_within_seconds(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with embedder(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}") as stub:
            with pytest.raises(
                NotFoundError,
                match=r"small/clip is not in the hub's cache, and the hub cannot be reached \(.*timed out\)",
            ):
                stub.ImportEncoder(messages.ImportEncoderRequest(model="small/clip"), timeout=60)
