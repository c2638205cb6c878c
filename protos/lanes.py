"""Threads of a server: health probes and streams have their own, and neither they nor a flood of calls can take them all.

gRPC gives every call a thread of one pool for as long as the call lasts, so that eight people who watch something would
leave none for work, and none for the question whether the server is alive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import grpc

from protos.errors import UnavailableError
from protos.health import NAME as HEALTH

MOST_STREAMS = 64  # open at the same time
MOST_WAITING = 1000  # calls that wait for a thread

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Handler | None]"


class Lanes:
    """The pools of a server.

    Args:
        threads: calls worked on at the same time.
    """

    def __init__(self, threads: int) -> None:
        self.work = ThreadPoolExecutor(threads, thread_name_prefix="rpc")
        # Some more than there may be streams: these say no to the others.
        self._streams = ThreadPoolExecutor(MOST_STREAMS + 2, thread_name_prefix="rpc-stream")
        self._health = ThreadPoolExecutor(1, thread_name_prefix="rpc-health")
        self._refusals = ThreadPoolExecutor(1, thread_name_prefix="rpc-refusal")
        self._slots = threading.Semaphore(MOST_STREAMS)

    def choosing(self) -> grpc.ServerInterceptor:
        """Stands before all others: decides whose thread a call gets."""
        return _Choosing(self)

    def limiting(self) -> grpc.ServerInterceptor:
        """Stands behind all others, which so see what is refused: ends calls that are too many."""
        return _Limiting(self)

    def close(self) -> None:
        """Lets the threads end."""
        for pool in (self.work, self._streams, self._health, self._refusals):
            pool.shutdown(wait=False)

    @property
    def crowded(self) -> bool:
        """Whether so many calls wait that another one is refused."""
        return self.work._work_queue.qsize() >= MOST_WAITING

    def pool(self, method: str, streaming: bool) -> ThreadPoolExecutor:
        """Whose thread answers a call."""
        if method.startswith(f"/{HEALTH}/"):
            return self._health
        if streaming:
            return self._streams
        return self._refusals if self.crowded else self.work

    def streamed(self, stream: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """The same stream, refused where too many are open."""

        def run(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            if not self._slots.acquire(blocking=False):
                context.abort(
                    UnavailableError.code,
                    f"{MOST_STREAMS} streams are open on this server already; close some, or try again later",
                )
            try:
                yield from stream(request, context)
            finally:
                self._slots.release()

        return run


def _refused(request: Any, context: grpc.ServicerContext) -> Any:
    context.abort(UnavailableError.code, f"{MOST_WAITING} calls wait on this server already; try again later")


class _Choosing(grpc.ServerInterceptor):
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Handler | None:
        """Names the pool at the function that answers, which is where gRPC looks for it."""
        handler = continuation(details)
        if handler is None:
            return None
        behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        streaming = handler.request_streaming or handler.response_streaming
        vars(behaviour)["experimental_thread_pool"] = self._lanes.pool(details.method, streaming)
        return handler


class _Limiting(grpc.ServerInterceptor):
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Handler | None:
        """Wraps the handler of one call."""
        handler = continuation(details)
        if handler is None:
            return None
        parse, write = handler.request_deserializer, handler.response_serializer
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(self._lanes.streamed(handler.stream_stream), parse, write)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._lanes.streamed(handler.unary_stream), parse, write)
        unary = handler.unary_unary
        if unary is not None and not details.method.startswith(f"/{HEALTH}/") and self._lanes.crowded:
            return grpc.unary_unary_rpc_method_handler(_refused, parse, write)
        return handler
