"""Every domain error crosses the wire as itself; everything else becomes one sentence, and a traceback in the log."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos import control_pb2, control_pb2_grpc, errors, rpc, sampler_pb2
from protos.errors import ActiveLabelerError, ExhaustedError, InternalError, InvalidInputError, UnavailableError
from tests.support import echo

DOMAIN = [
    errors.InvalidInputError,
    errors.NotFoundError,
    errors.ConflictError,
    errors.DamagedError,
    errors.UnavailableError,
    errors.DeadlineError,
    errors.ExhaustedError,
    errors.InternalError,
]
SPOKEN = [errors.InvalidInputError, errors.NotFoundError, errors.ConflictError, errors.DamagedError]


def _raised_by_call(tmp_path: Path, error: BaseException) -> ActiveLabelerError:
    def answer(request: Any, context: Any) -> Any:
        raise error

    server = rpc.serve([echo.service(answer)], f"unix:{tmp_path}/s.sock")
    try:
        with rpc.connect(server.address) as channel, pytest.raises(ActiveLabelerError) as caught:
            echo.select(channel)
    finally:
        server.stop(0)
    return caught.value


def _raised_by_stream(tmp_path: Path, error: BaseException) -> ActiveLabelerError:
    def watch(request: Any, context: Any) -> Iterator[control_pb2.RunEvent]:
        yield control_pb2.RunEvent(sequence=1)
        raise error

    server = rpc.serve([echo.streaming(watch)], f"unix:{tmp_path}/s.sock")
    try:
        with rpc.connect(server.address) as channel, pytest.raises(ActiveLabelerError) as caught:
            events = control_pb2_grpc.ControlStub(channel).WatchRun(control_pb2.WatchRunRequest())
            assert next(events).sequence == 1
            next(events)
    finally:
        server.stop(0)
    return caught.value


def test_these_are_all_domain_errors() -> None:
    assert set(DOMAIN) == set(ActiveLabelerError.__subclasses__())
    assert len({kind.code for kind in DOMAIN}) == len(DOMAIN)
    assert all(kind.exit_code != 0 for kind in DOMAIN)


@pytest.mark.parametrize("kind", DOMAIN)
def test_domain_error_of_a_call_arrives_as_itself(kind: type[ActiveLabelerError], tmp_path: Path) -> None:
    raised = _raised_by_call(tmp_path, kind("sample_size is 7; give 5 or less"))
    assert type(raised) is kind
    assert "sample_size is 7; give 5 or less" in str(raised)
    assert raised.__suppress_context__, "a traceback of gRPC helps nobody"


@pytest.mark.parametrize("kind", DOMAIN)
def test_domain_error_of_a_stream_arrives_as_itself(kind: type[ActiveLabelerError], tmp_path: Path) -> None:
    raised = _raised_by_stream(tmp_path, kind("sample_size is 7; give 5 or less"))
    assert type(raised) is kind
    assert "sample_size is 7; give 5 or less" in str(raised)


@pytest.mark.parametrize("kind", SPOKEN)
def test_sentence_arrives_word_for_word(kind: type[ActiveLabelerError], tmp_path: Path) -> None:
    sentence = "Ordner „Fotos\n2026“ ist leer: 100 % — 画像がない"
    assert str(_raised_by_call(tmp_path, kind(sentence))) == sentence


def test_name_of_a_file_that_is_no_text_arrives(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    assert "caf\\udce9.jpg cannot be read" in str(
        _raised_by_call(tmp_path, InvalidInputError(f"{name} cannot be read"))
    )


@pytest.mark.parametrize("letter", ["x", "界", "\n", "\udce9"])
def test_endless_sentence_arrives_shortened(letter: str, tmp_path: Path) -> None:
    raised = _raised_by_call(tmp_path, InvalidInputError(letter * 100_000))
    assert type(raised) is InvalidInputError
    assert str(raised).endswith("...")
    assert 500 < len(str(raised)) < 2100


@pytest.mark.parametrize("call", [_raised_by_call, _raised_by_stream])
def test_defect_is_internal_with_its_traceback_in_the_log_only(
    call: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        raised = call(tmp_path, ZeroDivisionError("integer division"))
    assert type(raised) is InternalError
    assert "ZeroDivisionError: integer division" in str(raised)
    assert "Traceback" not in str(raised)
    assert "File" not in str(raised)
    record = next(record for record in caplog.records if record.name == "protos.interceptors")
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert "raise error" in caplog.text


def test_domain_error_leaves_no_traceback_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _raised_by_call(tmp_path, InvalidInputError("sample_size is 7"))
    assert "Traceback" not in caplog.text


def test_full_disk_has_its_own_sentence(tmp_path: Path) -> None:
    raised = _raised_by_call(tmp_path, OSError(errno.ENOSPC, "No space left on device", "/store/vectors.npy"))
    assert type(raised) is ExhaustedError
    assert "the disk is full (/store/vectors.npy); free some space and resume" in str(raised)


def test_other_error_of_the_system_is_internal(tmp_path: Path) -> None:
    assert type(_raised_by_call(tmp_path, OSError(errno.EIO, "Input/output error", "/x"))) is InternalError


def test_status_that_the_handler_chose_is_kept(tmp_path: Path) -> None:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

    server = rpc.serve([echo.service(answer)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel, pytest.raises(errors.NotFoundError, match="no such thing"):
        echo.select(channel)
    server.stop(0)


def test_rpc_of_the_contract_that_nobody_wrote_is_unimplemented(tmp_path: Path) -> None:
    server = rpc.serve([echo.service()], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel:
        with pytest.raises(InternalError, match=r"ListStrategies failed with UNIMPLEMENTED"):
            echo.stub(channel).ListStrategies(sampler_pb2.ListStrategiesRequest())
    server.stop(0)


def test_unknown_method_is_unimplemented(tmp_path: Path) -> None:
    server = rpc.serve([echo.service()], f"unix:{tmp_path}/s.sock")
    with grpc.insecure_channel(server.address) as channel:
        for method in ("/activelabeler.v1.Sampler/Forget", "/activelabeler.v2.Sampler/Select", "/nonsense"):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(method)(b"", timeout=5)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    server.stop(0)


def test_call_on_a_closed_channel_is_unavailable(tmp_path: Path) -> None:
    channel = rpc.connect(f"unix:{tmp_path}/s.sock")
    channel.close()
    with pytest.raises(UnavailableError, match="closed on this side"):
        echo.select(channel)
    with pytest.raises(UnavailableError, match="closed on this side"):
        next(control_pb2_grpc.ControlStub(channel).WatchRun(control_pb2.WatchRunRequest()))


def test_channel_may_be_closed_while_others_call(tmp_path: Path) -> None:
    server = rpc.serve([echo.service()], f"unix:{tmp_path}/s.sock")
    for _ in range(30):
        channel = rpc.connect(server.address)
        stub = echo.stub(channel)
        endings: list[BaseException] = []

        def call(stub: Any = stub, endings: list[BaseException] = endings) -> None:
            try:
                while True:
                    stub.Select(sampler_pb2.SelectRequest())
            except Exception as ending:
                endings.append(ending)

        callers = [threading.Thread(target=call) for _ in range(3)]
        for caller in callers:
            caller.start()
        time.sleep(0.01)
        channel.close()
        for caller in callers:
            caller.join(10)
        assert len(endings) == 3
        assert all(isinstance(error, UnavailableError) for error in endings)
    server.stop(0)


def test_call_that_is_cancelled_by_the_end_of_its_server_is_unavailable(tmp_path: Path) -> None:
    def watch(request: Any, context: grpc.ServicerContext) -> Iterator[control_pb2.RunEvent]:
        yield control_pb2.RunEvent(sequence=1)
        while context.is_active():
            pass

    server = rpc.serve([echo.streaming(watch)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel:
        events = control_pb2_grpc.ControlStub(channel).WatchRun(control_pb2.WatchRunRequest())
        assert next(events).sequence == 1
        server.stop(0)
        with pytest.raises(UnavailableError):
            next(events)
