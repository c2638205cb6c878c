"""Mutual TLS: both sides show a certificate of the same authority, or do not talk."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from protos import rpc
from protos.errors import InvalidInputError, UnavailableError
from tests.support import echo

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


def _openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _authority(folder: Path) -> None:
    folder.mkdir()
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2", folder=folder
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")


def _party(folder: Path, name: str) -> rpc.Tls:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", folder=folder)
    sign = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    _openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *sign, folder=folder)
    return rpc.Tls(folder / f"{name}.pem", folder / f"{name}.key", folder / "ca.pem")


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, rpc.Tls]:
    """A server and a client of one authority, and a stranger of another."""
    ours, theirs = tmp_path_factory.mktemp("tls") / "ours", tmp_path_factory.mktemp("tls") / "theirs"
    _authority(ours)
    _authority(theirs)
    found = {"server": _party(ours, "server"), "client": _party(ours, "client"), "stranger": _party(theirs, "stranger")}
    (ours / "names").write_text("subjectAltName=DNS:localhost\n")
    return {**found, "named": _party(ours, "named")}


def test_round_trip(parties: dict[str, rpc.Tls]) -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0", tls=parties["server"])
    with rpc.connect(server.address, tls=parties["client"]) as channel:
        assert echo.select(channel, "secret").run == "secret"
        assert rpc.is_healthy(channel)
    server.stop(0)


def test_replicas_behind_a_name_show_that_name_and_not_their_addresses(parties: dict[str, rpc.Tls]) -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0", tls=parties["named"])
    port = server.address.rpartition(":")[2]
    with rpc.connect_to_all(f"localhost:{port}", tls=parties["client"]).channel as channel:
        assert echo.select(channel, "secret").run == "secret"
    with rpc.connect_to_all(f"ipv4:{server.address},127.0.0.2:{port}", 3, parties["client"]).channel as channel:
        with pytest.raises(UnavailableError):
            echo.select(channel)
    server.stop(0)


def test_client_without_certificate_is_turned_away(parties: dict[str, rpc.Tls]) -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0", tls=parties["server"])
    with rpc.connect(server.address, timeout_s=5) as channel, pytest.raises(UnavailableError):
        echo.select(channel)
    server.stop(0)


def test_client_of_another_authority_is_turned_away(parties: dict[str, rpc.Tls]) -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0", tls=parties["server"])
    stranger = parties["stranger"]
    knows_us = rpc.Tls(stranger.certificate, stranger.key, parties["server"].authority)
    for tls, welcome in ((parties["client"], True), (stranger, False), (knows_us, False)):
        with rpc.connect(server.address, tls=tls) as channel:
            assert rpc.is_healthy(channel, timeout_s=10 if welcome else 1) is welcome
    server.stop(0)


def test_server_of_another_authority_is_not_trusted(parties: dict[str, rpc.Tls]) -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0", tls=parties["stranger"])
    for tls, trusts in ((parties["stranger"], True), (parties["client"], False)):
        with rpc.connect(server.address, tls=tls) as channel:
            assert rpc.is_healthy(channel, timeout_s=10 if trusts else 1) is trusts
    server.stop(0)


def test_certificate_that_is_missing_or_none(parties: dict[str, rpc.Tls], tmp_path: Path) -> None:
    good = parties["server"]
    wrong = tmp_path / "picture.jpg"
    wrong.write_bytes(b"\xff\xd8\xff")
    for path, why in (
        (tmp_path / "missing.pem", "cannot be read"),
        (wrong, "is no PEM file"),
        (tmp_path, "cannot be read"),
    ):
        for tls in (rpc.Tls(path, good.key, good.authority), rpc.Tls(good.certificate, good.key, path)):
            with pytest.raises(InvalidInputError, match=f"{path.name} {why}"):
                rpc.serve([echo.service()], "127.0.0.1:0", tls=tls)
            with pytest.raises(InvalidInputError, match=f"{path.name} {why}"):
                rpc.connect("127.0.0.1:1", tls=tls)


def test_key_of_another_certificate_is_named(parties: dict[str, rpc.Tls]) -> None:
    mixed = rpc.Tls(parties["server"].certificate, parties["client"].key, parties["server"].authority)
    with pytest.raises(InvalidInputError, match=r"server\.pem and .*client\.key .* do not work together"):
        rpc.serve([echo.service()], "127.0.0.1:0", tls=mixed)


@pytest.mark.parametrize("secure", [True, False])
def test_who_connects_and_agrees_on_nothing_is_sent_away(
    parties: dict[str, rpc.Tls], monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    hasty = [(name, 500 if "handshake_timeout" in name else value) for name, value in rpc._SERVER_OPTIONS]
    monkeypatch.setattr(rpc, "_SERVER_OPTIONS", tuple(hasty))
    server = rpc.serve([echo.service()], "127.0.0.1:0", tls=parties["server"] if secure else None)
    host, _, port = server.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as opened:
        while opened.recv(4096):  # a timeout fails the test
            pass
    with rpc.connect(server.address, tls=parties["client"] if secure else None) as channel:
        assert echo.select(channel, "secret").run == "secret"
    server.stop(0)
