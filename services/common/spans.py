"""Spans by OpenTelemetry's SDK, sent as OTLP over gRPC from a thread of their own: a collector that is away costs spans alone.

The only module that imports OpenTelemetry; ``services/common/traces.py`` imports it when somebody asks for traces.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from random import SystemRandom

from opentelemetry import context as contexts
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from protos.about import About, about, of_call
from protos.errors import InvalidInputError
from protos.traces import Kind, Metadata, Value, collect_with

_EVERY_MS = 1000  # spans are sent so often; a process that is killed takes those of a second along
_LAST_S = 1.0  # the end of a process waits so long for a collector
_QUIET_S = 300.0  # a collector that is away is told of once in so long
_LONGEST = 512  # characters of a header that a peer sends; that is what W3C asks for at least
_KINDS = {Kind.INTERNAL: SpanKind.INTERNAL, Kind.CLIENT: SpanKind.CLIENT, Kind.SERVER: SpanKind.SERVER}
_HEADERS = ("traceparent", "tracestate")
_TALKATIVE = ("opentelemetry.exporter.otlp.proto.grpc.exporter", "opentelemetry.sdk._shared_internal")
_PROPAGATOR = TraceContextTextMapPropagator()
_KEY: ContextVar[str] = ContextVar("key", default="")
_Calm = tuple[type[Exception], ...]


def start(address: str, process: str) -> Callable[[], None]:
    """Collects the spans of this process and sends them to ``address``; see ``traces.start_traces``."""
    try:
        exporter = OTLPSpanExporter(endpoint=address)
        provider = TracerProvider(resource=_resource(process), shutdown_on_exit=False, id_generator=_Ids())
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EVERY_MS))
    except Exception as error:  # of whatever class: each variable has its own
        raise InvalidInputError(f"the variables OTEL_... cannot be used: {error}; mend or unset them") from error
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_OnceInAWhile())
    collect_with(SdkTracer(provider))

    def stop() -> None:
        collect_with(None)
        last = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(_LAST_S)
        if last.is_alive():
            exporter.shutdown()  # ends the call that hangs

    return stop


def _resource(process: str) -> Resource:
    return Resource.create(
        {
            "service.name": f"active-labeler-{process}",
            "service.namespace": "active-labeler",
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
    )


class SdkTracer:
    """What our code says of its work, as spans of the SDK; where this thread is, is kept in OpenTelemetry's own context."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("active_labeler")

    @contextmanager
    def begin(self, name: str, key: str, about: About, calm: _Calm = ()) -> Iterator[_Live]:
        """A trace of its own, whose number follows from the run and the key."""
        token = _KEY.set(f"{about.run}/{key}")
        try:
            span = self._tracer.start_span(name, contexts.Context(), attributes=_of(about))
        finally:
            _KEY.reset(token)
        with _at_work(span, calm) as live:
            yield live

    @contextmanager
    def span(self, name: str, kind: Kind, facts: Mapping[str, Value], calm: _Calm = ()) -> Iterator[_Live]:
        """A child of the span that this thread is in."""
        attributes = {**_of(about()), **_clean(facts)}
        with _at_work(self._tracer.start_span(name, kind=_KINDS[kind], attributes=attributes), calm) as live:
            yield live

    @contextmanager
    def serve(self, name: str, metadata: Metadata, facts: Mapping[str, Value]) -> Iterator[_Live]:
        """A child of the caller's span. Headers of another form are a caller without one; nothing in them is trusted."""
        said = list(metadata)
        headers = {
            key: text for key, text in said if key in _HEADERS and isinstance(text, str) and len(text) <= _LONGEST
        }
        parent = _PROPAGATOR.extract(headers, contexts.Context())
        if not get_current_span(parent).get_span_context().is_valid:
            yield _Live(get_current_span(contexts.Context()))
            return
        attributes = {**_of(of_call(said, None)), **_clean(facts)}
        with _at_work(self._tracer.start_span(name, parent, SpanKind.SERVER, attributes), ()) as live:
            yield live

    @contextmanager
    def apart(self) -> Iterator[None]:
        """This thread is in no span."""
        token = contexts.attach(contexts.Context())
        try:
            yield
        finally:
            contexts.detach(token)

    def is_within(self) -> bool:
        """Whether this thread is in a span."""
        return get_current_span().get_span_context().is_valid

    def to_metadata(self) -> list[tuple[str, str]]:
        """The headers of W3C Trace Context."""
        headers: dict[str, str] = {}
        _PROPAGATOR.inject(headers)
        return list(headers.items())


class _Live:
    """A span that has begun."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.failed = False

    def note(self, **facts: Value) -> None:
        self._span.set_attributes(_clean(facts))

    def fail(self, sentence: str, kind: str) -> None:
        self.failed = True
        self._span.set_status(Status(StatusCode.ERROR, _text(sentence)))
        self._span.set_attribute("error.type", kind)


@contextmanager
def _at_work(span: Span, calm: _Calm) -> Iterator[_Live]:
    """This thread is in ``span`` within the block, whose exception is its failure."""
    live = _Live(span)
    token = contexts.attach(set_span_in_context(span))
    try:
        yield live
    except Exception as error:
        if not live.failed and not isinstance(error, calm):
            live.fail(str(error), type(error).__name__)
        raise
    finally:
        contexts.detach(token)
        span.end()


def _of(now: About) -> dict[str, Value]:
    number = {} if now.round is None else {"round": now.round}
    return {**({"run": _text(now.run)} if now.run else {}), **number}


def _clean(facts: Mapping[str, Value]) -> dict[str, Value]:
    return {key: _text(value) if isinstance(value, str) else value for key, value in facts.items()}


def _text(value: str) -> str:
    """Names of files may hold bytes that are no text; one of them would cost all spans that are sent with it."""
    return value.encode("utf-8", "backslashreplace").decode()


class _Ids(IdGenerator):
    """Numbers of spans by chance, but not from the generator that others may have seeded; those of traces from their keys."""

    _random = SystemRandom()

    def generate_span_id(self) -> int:
        """64 bits, not 0."""
        return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        """128 bits, not 0."""
        key = _KEY.get()
        if not key:
            return self._random.getrandbits(128) or 1
        return int.from_bytes(hashlib.sha256(key.encode("utf-8", "backslashreplace")).digest()[:16]) or 1


class _OnceInAWhile(logging.Filter):
    """Tries that failed are not told one by one, and not every batch that was lost."""

    def __init__(self) -> None:
        super().__init__()
        self._next = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is said."""
        now = time.monotonic()
        if record.levelno < logging.ERROR or now < self._next:
            return False
        self._next = now + _QUIET_S
        return True
