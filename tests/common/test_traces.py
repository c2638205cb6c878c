"""Traces: spans of real calls at a real collector, and a collector that is away or hangs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from opentelemetry.trace import SpanKind

from protos import rpc, sampler_pb2_grpc, traces
from protos.about import About, working_for
from protos.errors import InternalError, NotFoundError, UnavailableError
from services.common.traces import start_traces
from tests.support import echo
from tests.support.collector import Collector, Seen, collecting

CLIENT, SERVER = SpanKind.CLIENT.value + 1, SpanKind.SERVER.value + 1  # on the wire 0 is of no kind
R1 = About("r1", 4)


@contextmanager
def _traced(tmp_path: Path, answer: Callable[..., Any] = echo.echo) -> Iterator[tuple[Collector, grpc.Channel]]:
    """A server and a channel of this process, both traced; what was sent is at the collector after the block."""
    with collecting() as collector:
        stop = start_traces(collector.address, "test")
        server = rpc.serve([echo.service(answer)], f"unix:{tmp_path}/s.sock")
        try:
            with rpc.connect(server.address) as channel:
                yield collector, channel
        finally:
            server.stop(0)
            stop()


def _by_name(collector: Collector) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = {}
    for span in collector.spans:
        found.setdefault(span.name, []).append(span)
    return found


def test_a_call_is_a_span_at_both_ends_below_the_work_that_it_is_for(tmp_path: Path) -> None:
    with _traced(tmp_path) as (collector, channel), working_for("r1", 4):
        with traces.trace("round", "round-4", R1), traces.span("select", step="round-4/select"):
            echo.select(channel, "r1")
    root, step, client, server = (
        next(span for span in collector.spans if (span.name, span.kind) == which)
        for which in (("round", 1), ("select", 1), ("Sampler/Select", CLIENT), ("Sampler/Select", SERVER))
    )
    assert (root.parent, step.parent, client.parent, server.parent) == ("", root.id, step.id, client.id)
    assert {span.trace for span in collector.spans} == {root.trace}
    assert all((span.facts["run"], span.facts["round"]) == ("r1", 4) for span in collector.spans)
    assert step.facts["step"] == "round-4/select"
    assert client.facts["rpc.service"] == "activelabeler.v1.Sampler"
    assert server.facts["rpc.grpc.status_code"] == 0
    assert not any(span.failed for span in collector.spans)
    assert {span.process for span in collector.spans} == {"test"}


def _refuse(*_: object) -> NoReturn:
    raise NotFoundError("there is no caf\udce9.jpg; name another")


def _break(*_: object) -> NoReturn:
    raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("answer", "error", "code"), [(_refuse, NotFoundError, "NOT_FOUND"), (_break, InternalError, "INTERNAL")]
)
def test_an_error_is_the_status_of_every_span_that_it_ended(
    tmp_path: Path, answer: Callable[..., Any], error: type[Exception], code: str
) -> None:
    with _traced(tmp_path, answer) as (collector, channel):
        with pytest.raises(error) as raised, traces.trace("round", "round-4", R1), traces.span("select"):
            echo.select(channel, "r1")
    assert len(collector.spans) == 4
    assert all(span.failed for span in collector.spans)
    ends = [span for span in collector.spans if span.kind in (CLIENT, SERVER)]
    assert {span.facts["error.type"] for span in ends} == {code}
    assert all(span.sentence and span.sentence in str(raised.value) for span in collector.spans)
    assert {span.facts["rpc.grpc.status_code"] for span in ends} == {getattr(grpc.StatusCode, code).value[0]}
    assert {span.facts["error.type"] for span in collector.spans} - {code} == {error.__name__}


def test_nobody_there_is_an_error_of_the_call(tmp_path: Path) -> None:
    with _traced(tmp_path) as (collector, _), rpc.connect(f"unix:{tmp_path}/nobody.sock") as nobody:
        with pytest.raises(UnavailableError), traces.trace("round", "round-4", R1):
            echo.select(nobody)
    assert {span.name: span.facts["error.type"] for span in collector.spans} == {
        "Sampler/Select": "UNAVAILABLE",
        "round": "UnavailableError",
    }


def test_an_end_that_somebody_wanted_is_no_failure(tmp_path: Path) -> None:
    class Stop(Exception):  # noqa: N818
        pass

    with _traced(tmp_path) as (collector, _):
        with pytest.raises(Stop), traces.trace("round", "round-4", R1, calm=(Stop,)), traces.span("label", (Stop,)):
            raise Stop
    assert sorted(span.name for span in collector.spans) == ["label", "round"]
    assert not any(span.failed for span in collector.spans)


def test_what_is_in_no_trace_begins_none(tmp_path: Path) -> None:
    with _traced(tmp_path) as (collector, channel), working_for("r1", 4):
        echo.select(channel)
        with traces.span("alone"):
            rpc.is_healthy(channel)
        with traces.trace("round", "round-4", R1):
            with traces.apart():
                echo.select(channel)
                with traces.span("alone"):
                    pass
            with traces.span("after"):
                pass
    assert sorted(span.name for span in collector.spans) == ["after", "round"]


def test_the_same_work_is_the_same_trace_at_any_time(tmp_path: Path) -> None:
    with _traced(tmp_path) as (collector, _):
        for key, about in (("round-4", R1), ("round-4", R1), ("round-5", R1), ("round-4", About("r2", 4))):
            with traces.trace("round", key, about):
                pass
    first, again, other, elsewhere = (span.trace for span in collector.spans)
    assert first == again
    assert len({first, other, elsewhere}) == 3
    assert len({span.id for span in collector.spans}) == 4


@pytest.mark.parametrize(
    "header",
    ["", "x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-" + "g" * 32 + "-" + "1" * 16 + "-01", "9" * 3000],
)
def test_a_header_of_another_form_is_no_trace(tmp_path: Path, header: str) -> None:
    with _traced(tmp_path) as (collector, _), grpc.insecure_channel(f"unix:{tmp_path}/s.sock") as plain:
        stub = sampler_pb2_grpc.SamplerStub(plain)
        asked = echo.sampler_pb2.SelectRequest(run="r1")
        assert stub.Select(asked, metadata=[("traceparent", header), ("tracestate", header)]).run == "r1"
    assert collector.spans == []


def test_streams_are_for_watching(tmp_path: Path) -> None:
    def watch(*_: object) -> Iterator[Any]:
        yield echo.control_pb2.RunEvent()

    with collecting() as collector:
        stop = start_traces(collector.address, "test")
        server = rpc.serve([echo.streaming(watch)], f"unix:{tmp_path}/s.sock")
        try:
            with rpc.connect(server.address) as channel, traces.trace("round", "round-4", R1):
                stub = echo.control_pb2_grpc.ControlStub(channel)
                assert len(list(stub.WatchRun(echo.control_pb2.WatchRunRequest()))) == 1
        finally:
            server.stop(0)
            stop()
    assert [span.name for span in collector.spans] == ["round"]


def test_names_that_are_no_text_cost_no_span(tmp_path: Path) -> None:
    with _traced(tmp_path) as (collector, _):
        with (
            traces.trace("round", "round-4", About(os.fsdecode(b"caf\xe9"), 1)),
            traces.span("a", file=os.fsdecode(b"\xff")),
        ):
            pass
    assert collector.spans[0].facts["file"] == "\\udcff"
    assert collector.spans[1].facts["run"] == "caf\\udce9"


def test_chance_that_others_have_seeded_is_left_alone(tmp_path: Path) -> None:
    import random

    random.seed(7)
    expected = random.random()
    random.seed(7)
    with _traced(tmp_path) as (_, channel), traces.trace("round", "round-4", R1):
        echo.select(channel)
    assert random.random() == expected


@pytest.mark.parametrize("kind", ["away", "hangs"])
def test_a_collector_that_is_away_or_hangs_holds_nobody_up(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for it would wait for an hour."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")
    with collecting(hang=True) as collector, caplog.at_level(logging.WARNING):
        stop = start_traces(collector.address if kind == "hangs" else "http://127.0.0.1:1", "test")
        server = rpc.serve([echo.service()], f"unix:{tmp_path}/s.sock")
        try:
            for number in range(2000):  # more spans than are kept
                with traces.trace("round", f"round-{number}", R1), traces.span("select"):
                    pass
            with rpc.connect(server.address) as channel, traces.trace("round", "round-0", R1):
                assert echo.select(channel, "r1").run == "r1"
        finally:
            server.stop(0)
            stop()
        assert collector.spans == []
        assert (collector.asked > 0) == (kind == "hangs")
    assert len([line for line in caplog.records if line.name.startswith("opentelemetry")]) <= 1


def test_a_stopped_process_tells_nobody(tmp_path: Path) -> None:
    with _traced(tmp_path) as (collector, _):
        pass
    with traces.trace("round", "round-4", R1), traces.span("select"):
        assert traces.tracer() is None
    assert collector.spans == []
