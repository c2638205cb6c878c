"""The development authority: who signs, what the certificates say, and what the command refuses."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509

from orchestrator.certificates import PROCESSES, write_certificates
from protos import rpc
from protos.errors import InvalidInputError
from tests.support import echo
from tests.support.command import run_command


def tls_of(folder: Path, process: str) -> rpc.Tls:
    """The files of one process."""
    own = folder / process
    return rpc.Tls(own / "certificate.pem", own / "key.pem", own / "authority.pem")


def _names(file: Path) -> set[str]:
    found = x509.load_pem_x509_certificate(file.read_bytes()).extensions
    return {str(name.value) for name in found.get_extension_for_class(x509.SubjectAlternativeName).value}


def test_every_process_gets_a_folder_that_only_its_owner_reads(tmp_path: Path) -> None:
    made = write_certificates(tmp_path / "tls", ["gpu.example.org", "10.0.0.7"])
    assert [own.name for own in made] == list(PROCESSES)
    for own in made:
        assert _names(own / "certificate.pem") == {
            own.name,
            "localhost",
            "127.0.0.1",
            "::1",
            "gpu.example.org",
            "10.0.0.7",
        }
        assert stat.S_IMODE((own / "key.pem").stat().st_mode) == 0o600
        assert not (own / "authority.key").exists()
    assert stat.S_IMODE((tmp_path / "tls" / "authority.key").stat().st_mode) == 0o600


def test_two_processes_trust_each_other_and_no_other_authority(tmp_path: Path) -> None:
    write_certificates(tmp_path / "ours")
    write_certificates(tmp_path / "theirs")
    server = rpc.serve([echo.service()], "127.0.0.1:0", tls=tls_of(tmp_path / "ours", "index"))
    try:
        with rpc.connect(server.address, tls=tls_of(tmp_path / "ours", "orchestrator")) as channel:
            assert echo.select(channel, "secret").run == "secret"
        for stranger in (None, tls_of(tmp_path / "theirs", "orchestrator")):
            with rpc.connect(server.address, tls=stranger) as channel:
                assert not rpc.is_healthy(channel, timeout_s=1)
    finally:
        server.stop(0)


def test_a_server_under_another_name_is_not_trusted(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    server = rpc.serve([echo.service()], "127.0.0.2:0", tls=tls_of(tmp_path, "index"))
    try:
        with rpc.connect(server.address, tls=tls_of(tmp_path, "labeler")) as channel:
            assert not rpc.is_healthy(channel, timeout_s=1)
    finally:
        server.stop(0)


def test_the_second_time_renews_under_the_same_authority(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    authority, first = (tmp_path / "authority.pem").read_bytes(), (tmp_path / "index" / "certificate.pem").read_bytes()
    write_certificates(tmp_path, ["other"])
    assert (tmp_path / "authority.pem").read_bytes() == authority
    assert (tmp_path / "index" / "certificate.pem").read_bytes() != first
    assert "other" in _names(tmp_path / "index" / "certificate.pem")


@pytest.mark.parametrize("host", ["", "https://host", "host:50051", "a b", "a..b", "*", "../x"])
def test_what_is_no_host(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidInputError, match="is no name or address of a machine"):
        write_certificates(tmp_path / "tls", [host])
    assert not (tmp_path / "tls").exists()


def test_an_authority_that_cannot_sign(tmp_path: Path) -> None:
    write_certificates(tmp_path / "a")
    write_certificates(tmp_path / "b")
    (tmp_path / "a" / "authority.key").write_bytes((tmp_path / "b" / "authority.key").read_bytes())
    with pytest.raises(InvalidInputError, match=r"authority\.key is not the key of .*authority\.pem"):
        write_certificates(tmp_path / "a")
    (tmp_path / "b" / "authority.key").unlink()
    with pytest.raises(InvalidInputError, match="are no authority that can sign"):
        write_certificates(tmp_path / "b")
    write_certificates(tmp_path / "c")
    (tmp_path / "c" / "authority.pem").write_text("nothing")
    with pytest.raises(InvalidInputError, match="are no authority that can sign"):
        write_certificates(tmp_path / "c")


def test_the_command_says_what_to_do_with_them(tmp_path: Path) -> None:
    done = run_command("certificates", "tls", "--host", "gpu1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "authority.key signs: keep it here" in done.stdout
    assert "ACTIVE_LABELER_TLS_CERTIFICATE" in done.stdout
    refused = run_command("certificates", "tls", "--host", "http://gpu1", cwd=tmp_path)
    assert refused.returncode == 2
    assert "error: --host 'http://gpu1' is no name or address of a machine" in refused.stderr
