"""Where a server may listen: ports, names and socket files, and what is said where it may not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from protos import rpc
from protos.errors import (
    ActiveLabelerError,
    ConflictError,
    InvalidInputError,
)
from tests.support import echo


def test_port_0_becomes_a_real_one() -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0")
    host, _, port = server.address.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0
    with rpc.connect(server.address) as channel:
        assert echo.select(channel).run == "r"
    server.stop(0)


def test_one_port_one_server() -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0")
    with pytest.raises(ConflictError, match=f"cannot listen on {server.address}: .* choose another"):
        rpc.serve([echo.service()], server.address)
    server.stop(0)


def test_port_taken_on_one_of_a_names_addresses_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, 0, 0, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(ConflictError, match="taken"):
            rpc.serve([echo.service()], f"localhost:{other.getsockname()[1]}")


def test_port_of_another_program_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(ConflictError, match="taken"):
            rpc.serve([echo.service()], f"127.0.0.1:{other.getsockname()[1]}")


@pytest.mark.parametrize(
    "listen", ["203.0.113.7:0", "127.0.0.1:99999", "no such host:1", "127.0.0.1:port", "", "unix:"]
)
def test_address_that_cannot_be_listened_on(listen: str) -> None:
    with pytest.raises(ActiveLabelerError, match="cannot listen on"):
        rpc.serve([echo.service()], listen)


def test_one_socket_one_server(tmp_path: Path) -> None:
    server = rpc.serve([echo.service()], f"unix:{tmp_path}/s.sock")
    with pytest.raises(ConflictError, match="another process serves there"):
        rpc.serve([echo.service()], server.address)
    with rpc.connect(server.address) as channel:
        assert echo.select(channel).run == "r"
    server.stop(0)


def test_socket_file_left_behind_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    server = rpc.serve([echo.service()], f"unix:{path}")
    with rpc.connect(server.address) as channel:
        assert echo.select(channel).run == "r"
    server.stop(0)
    assert not path.exists()


def test_file_in_the_place_of_a_socket_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("mine")
    with pytest.raises(ConflictError, match="no socket"):
        rpc.serve([echo.service()], f"unix:{path}")
    assert path.read_text() == "mine"


def test_path_too_long_for_a_socket(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="at most 107 bytes"):
        rpc.serve([echo.service()], f"unix:{tmp_path}/{'x' * 120}")


def test_socket_in_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no folder"):
        rpc.serve([echo.service()], f"unix:{tmp_path}/missing/s.sock")
