"""The choice of a device, and the claim of a GPU by locks between processes."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from protos.errors import ConflictError, InvalidInputError
from services.common.devices import Devices, DeviceSettings, GpuClaim, choose_device, describe_device

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")


def test_the_processor_is_always_there() -> None:
    assert choose_device("cpu") == choose_device(" CPU ", strict=True) == torch.device("cpu")
    assert describe_device(torch.device("cpu")) == "cpu"


@no_gpu
def test_without_a_gpu(caplog: pytest.LogCaptureFixture) -> None:
    assert choose_device("auto") == choose_device("", strict=True) == torch.device("cpu")
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert choose_device("cuda:1") == torch.device("cpu")
    assert "cuda:1 is asked for" in caplog.text
    with pytest.raises(ConflictError, match=r"device cuda is asked for.*use auto or cpu"):
        choose_device("cuda", strict=True)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "mps"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"device '{name}' is not known; it takes auto, cpu, cuda"):
        choose_device(name)


def test_two_claims_share_no_gpu(tmp_path: Path) -> None:
    one, other = (GpuClaim(tmp_path / "locks", ["a", "b"], idle_s=60) for _ in range(2))
    with one.using() as first, one.using() as again, other.using() as second:
        assert (first, again, second) == (0, 0, 1)
        with pytest.raises(ConflictError, match="all 2 GPUs are in use"):
            with GpuClaim(tmp_path / "locks", ["a", "b"]).using(wait_s=0):
                pass
        with pytest.raises(ConflictError, match="GPU 1 is in use"):
            with GpuClaim(tmp_path / "locks", ["a", "b"]).using(1, wait_s=0):
                pass
        with pytest.raises(ConflictError, match="holds GPU 0, not 1"):
            with one.using(1):
                pass


def test_a_claim_says_which_gpu_it_is(tmp_path: Path) -> None:
    one, other = (GpuClaim(tmp_path, ["aaaa-1", "bbbb-2"]) for _ in range(2))
    assert one.words(one.held) == "none of 2 GPUs claimed now"
    with one.using(), other.using():
        assert one.words(one.held) == "GPU 0, UUID aaaa-1"
        assert other.words(other.held) == "GPU 1, UUID bbbb-2"
    one.let_go()
    assert one.words(one.held) == "none of 2 GPUs claimed now"
    unlocked = GpuClaim(None, ["aaaa-1"])
    with unlocked.using():
        assert unlocked.words(unlocked.held) == "GPU 0, UUID aaaa-1, no locks"


@no_gpu
@pytest.mark.parametrize(
    ("device", "words"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cpu"), ("tpu", "none: device")]
)
def test_a_worker_without_a_gpu_says_so(
    device: str, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    devices = Devices(DeviceSettings(artifacts=tmp_path, device=device))
    for _ in range(3):
        assert devices.words().startswith(words)
    assert len(caplog.records) == (device == "cuda")  # a probe that asks every ten seconds fills no log


@no_gpu
def test_a_deployed_worker_without_its_gpu_says_what_is_wrong(tmp_path: Path) -> None:
    words = Devices(DeviceSettings(artifacts=tmp_path, device="cuda", require_device=True)).words()
    assert words.startswith("none: device cuda is asked for, but this machine has no GPU")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_worker_names_its_gpu(tmp_path: Path) -> None:
    devices = Devices(DeviceSettings(artifacts=tmp_path, device="cuda", gpu_locks=tmp_path / "locks"))
    assert "claimed now" in devices.words()
    with devices.use() as device:
        assert devices.words().startswith(f"{describe_device(device)} (GPU {device.index}, UUID ")
        assert len(list((tmp_path / "locks").iterdir())) == 1


def test_an_idle_gpu_is_let_go_and_its_memory_before(tmp_path: Path) -> None:
    released: list[int | None] = []
    claim = GpuClaim(tmp_path, ["a"], idle_s=0.1, release=lambda: released.append(claim.held))
    with claim.using():
        claim.let_go()  # in use: nothing happens
        assert released == []
    assert claim.held == 0
    with GpuClaim(tmp_path, ["a"]).using(wait_s=5) as number:
        assert number == 0 and released == [0] and claim.held is None


def test_an_idle_gpu_is_given_up_for_another_one(tmp_path: Path) -> None:
    claim = GpuClaim(tmp_path, ["a", "b"], idle_s=60)
    with claim.using(0):
        pass
    with claim.using(1) as number:
        assert number == 1
        with GpuClaim(tmp_path, ["a", "b"]).using(0, wait_s=0) as other:
            assert other == 0


def test_who_waits_holds_nobody_up(tmp_path: Path) -> None:
    holder, waiter = GpuClaim(tmp_path, ["a"]), GpuClaim(tmp_path, ["a"])
    with holder.using():
        thread = threading.Thread(target=lambda: _use(waiter))
        thread.start()
        time.sleep(0.1)
        start = time.monotonic()
        waiter.let_go()
        assert time.monotonic() - start < 1
    holder.let_go()
    thread.join(10)
    assert not thread.is_alive() and waiter.held == 0


def _use(claim: GpuClaim) -> None:
    with claim.using(wait_s=8):
        pass


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    code = (
        "import sys, time; from pathlib import Path; from services.common.devices import GpuClaim\n"
        "with GpuClaim(Path(sys.argv[1]), ['a']).using():\n    print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


def test_the_gpu_of_a_killed_process_is_free(tmp_path: Path, other_process: subprocess.Popen[str]) -> None:
    assert other_process.stdout is not None and other_process.stdout.readline() == "held\n"
    claim = GpuClaim(tmp_path, ["a"])
    with pytest.raises(ConflictError):
        with claim.using(wait_s=0):
            pass
    other_process.kill()
    with claim.using(wait_s=10) as number:
        assert number == 0


def test_claims_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="GPU 3 is asked for, but this worker has 1"):
        with GpuClaim(None, ["a"]).using(3):
            pass
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"locks of GPUs cannot be kept in .*set ACTIVE_LABELER_GPU_LOCKS"):
        with GpuClaim(tmp_path / "file" / "locks", ["a"]).using():
            pass
    with GpuClaim(None, ["a"]).using() as one, GpuClaim(None, ["a"]).using() as other:
        assert one == other == 0  # without a folder nothing is locked
