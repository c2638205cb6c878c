"""Whole runs in which every call is mutual TLS: services started by the run, and services at addresses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from orchestrator.certificates import write_certificates
from orchestrator.clients import SERVICES
from protos import rpc
from tests.support.command import ACTIVE_LABELER, HOG, environment
from tests.support.pictures import draw_data_set, picture
from tests.support.service_processes import at_ports

LOOP = ("--simulate", "ring", "--auto", "--rounds", "1", "--sample-size", "6", "--seed-count", "10", "--port", "0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    draw_data_set(folder / "data", positives=10, negatives=40)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    write_certificates(folder / "ours")
    write_certificates(folder / "theirs")
    return folder


def _own(certificates: Path, process: str) -> dict[str, str]:
    own = certificates / process
    return {
        "ACTIVE_LABELER_TLS_CERTIFICATE": str(own / "certificate.pem"),
        "ACTIVE_LABELER_TLS_KEY": str(own / "key.pem"),
        "ACTIVE_LABELER_TLS_AUTHORITY": str(own / "authority.pem"),
    }


def _run(place: Path, name: str, more: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    work = place / name
    work.mkdir()
    given = ["--data", str(place / "data"), "--reference", str(place / "reference.png"), *LOOP, *HOG, *arguments]
    return subprocess.run(
        [*ACTIVE_LABELER, "run", *given],
        cwd=work,
        env={**environment(), **more},
        capture_output=True,
        text=True,
        timeout=200,
    )


def _placed(work: Path) -> dict[str, list[str]]:
    root = work / "final_dataset"
    return {side: sorted(file.name for file in (root / side).iterdir()) for side in ("positive", "negative")}


@pytest.mark.slow
def test_services_at_addresses_end_as_services_without_certificates(place: Path) -> None:
    plain = _run(place, "plain", {})
    assert plain.returncode == 0, plain.stderr
    with at_ports(place, {name: _own(place / "ours", name) for name in SERVICES}) as addresses:
        endpoints = ",".join(f"{name}={address}" for name, address in addresses.items())
        known = {"ACTIVE_LABELER_ARTIFACTS": str(place / "store"), "ACTIVE_LABELER_PATIENCE_S": "0"}
        done = _run(place, "deployed", {**known, **_own(place / "ours", "orchestrator")}, "--endpoints", endpoints)
        assert done.returncode == 0, done.stderr
        for more in ({}, _own(place / "theirs", "orchestrator")):  # no certificate, or one of another authority
            tls = rpc.Tls(*map(Path, more.values())) if more else None
            for name in SERVICES:
                with rpc.connect(addresses[name], tls=tls) as channel:
                    assert not rpc.is_healthy(channel, timeout_s=1), name
    assert _placed(place / "deployed") == _placed(place / "plain")


@pytest.mark.slow
def test_an_embedded_run_takes_certificates_as_well(place: Path) -> None:
    done = _run(place, "embedded", _own(place / "ours", "orchestrator"))
    assert done.returncode == 0, done.stderr


def test_half_of_the_files_is_refused_in_a_sentence(place: Path) -> None:
    half = _own(place / "ours", "orchestrator")
    del half["ACTIVE_LABELER_TLS_KEY"]
    refused = _run(place, "half", half)
    assert refused.returncode == 2
    assert "mutual TLS needs ACTIVE_LABELER_TLS_CERTIFICATE, _TLS_KEY and _TLS_AUTHORITY together" in refused.stderr
