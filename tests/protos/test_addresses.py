"""Names, lists and single addresses: which may have several replicas behind them, and where these are."""

from __future__ import annotations

import pytest

from protos.addresses import host_of, is_several, look_up


@pytest.mark.parametrize(
    ("target", "several", "host"),
    [
        ("embedder:50051", True, "embedder"),
        ("dns:///embedder:50051", True, "embedder"),
        ("dns:embedder", True, "embedder"),
        ("ipv4:10.0.0.1:5,10.0.0.2:5", True, None),
        ("ipv6:[::1]:5,[::2]:5", True, None),
        ("ipv4:10.0.0.1:5", False, None),
        ("127.0.0.1:50051", False, "127.0.0.1"),
        ("[::1]:50051", False, "::1"),
        ("unix:/run/e.sock", False, None),
        ("unix-abstract:e", False, None),
        ("dns://10.0.0.9/embedder:50051", False, None),  # asked of a certain server: gRPC's business
        ("xds:///embedder", False, None),
    ],
)
def test_which_targets_may_have_several_replicas(target: str, several: bool, host: str | None) -> None:
    assert is_several(target) is several
    assert host_of(target) == host


def test_addresses_are_written_as_grpc_takes_them() -> None:
    assert look_up("ipv4:10.0.0.2:5, 10.0.0.1:5,10.0.0.2:5") == ["ipv4:10.0.0.1:5", "ipv4:10.0.0.2:5"]
    assert look_up("ipv6:[::1]:5") == ["ipv6:[::1]:5"]
    assert look_up("127.0.0.3:50051") == ["ipv4:127.0.0.3:50051"]
    assert look_up("[::1]:50051") == ["ipv6:[::1]:50051"]
    assert look_up("dns:///127.0.0.3") == ["ipv4:127.0.0.3:443"]
    assert "ipv4:127.0.0.1:50051" in look_up("localhost:50051")


@pytest.mark.parametrize("target", ["nobody.invalid:50051", "localhost:port", ":", "", "a" * 300])
def test_a_name_without_addresses_has_none(target: str) -> None:
    assert look_up(target) == []
