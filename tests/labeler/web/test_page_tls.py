"""https by certificate files."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from orchestrator.certificates import write_certificates
from protos import labeler_pb2 as pb
from protos.errors import InvalidInputError
from services.labeler.web.page_tls import tls_of_page
from tests.labeler.kit import Service


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificate and key of a labeler, another's, the authority, and the key with a password."""
    folder = tmp_path_factory.mktemp("tls")
    write_certificates(folder)
    key = serialization.load_pem_private_key((folder / "labeler" / "key.pem").read_bytes(), None)
    kinds = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x"))
    (folder / "locked.pem").write_bytes(key.private_bytes(*kinds))
    (folder / "nonsense.pem").write_text("nonsense")
    found = {name: folder / "labeler" / f"{name}.pem" for name in ("certificate", "key", "authority")}
    return (
        found
        | {name: folder / f"{name}.pem" for name in ("locked", "nonsense", "absent")}
        | {"other": folder / "index" / "key.pem"}
    )


def test_the_page_speaks_https_and_nothing_else(files: dict[str, Path], tmp_path: Path) -> None:
    service = Service(
        tmp_path,
        ACTIVE_LABELER_WEB_ACCESS="token",
        ACTIVE_LABELER_WEB_TLS_CERTIFICATE=str(files["certificate"]),
        ACTIVE_LABELER_WEB_TLS_KEY=str(files["key"]),
    )
    links = service.stub.GetLinks(pb.GetLinksRequest())
    assert links.page == f"https://127.0.0.1:{service.port}/"
    trust = ssl.create_default_context(cafile=files["authority"])
    with httpx.Client(base_url=f"https://localhost:{service.port}/", verify=trust) as web:
        joined = web.post("join", json={"token": links.admin.partition("#")[2]})
        assert "Secure" in joined.headers["set-cookie"]
        assert web.get("api/me").json() == {"role": "admin", "access": "token", "loop": False}
        evil = web.post("join", json={"token": "x"}, headers={"Origin": f"http://localhost:{service.port + 1}"})
        assert evil.status_code == 403
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{service.port}/")
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://localhost:{service.port}/")
    service.stop()


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        ("certificate", "", "together; set both or none"),
        ("", "key", "together; set both or none"),
        ("absent", "key", r"absent\.pem cannot be read: No such file"),
        ("certificate", "absent", r"absent\.pem cannot be read: No such file"),
        ("nonsense", "key", "are no certificate with its key"),
        ("certificate", "other", "are no certificate with its key"),
        ("certificate", "locked", "are no certificate with its key"),
    ],
)
def test_files_that_cannot_be_used(files: dict[str, Path], certificate: str, key: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        tls_of_page(*(str(files[name]) if name else "" for name in (certificate, key)))
    assert tls_of_page("", "") is None


def test_bad_files_end_the_labeler_with_the_sentence(files: dict[str, Path], tmp_path: Path) -> None:
    service = Service(tmp_path, ACTIVE_LABELER_WEB_TLS_CERTIFICATE=str(files["certificate"]))
    assert service.process.returncode == 2
    assert "together; set both or none" in service.error
