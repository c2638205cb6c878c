"""A channel that may be closed while others still call.

Generated stubs ask gRPC for a handle of each method, behind an interceptor anew for each call; asking a channel that another
thread has just closed ends the whole process (grpc/grpc#43455). Without handles a late call is an error like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

_Bytes = Callable[[Any], bytes] | None
_Message = Callable[[bytes], Any] | None


class ClosableChannel(grpc.Channel):
    """Passes everything on to a channel of gRPC, but never asks it for handles."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool | None = False
    ) -> None:
        self._channel.subscribe(callback, bool(try_to_connect))

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        self._channel.unsubscribe(callback)

    def unary_unary(self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False) -> Any:
        return self._channel.unary_unary(method, ask, answer)

    def unary_stream(
        self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False
    ) -> Any:
        return self._channel.unary_stream(method, ask, answer)

    def stream_unary(
        self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False
    ) -> Any:
        return self._channel.stream_unary(method, ask, answer)

    def stream_stream(
        self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False
    ) -> Any:
        return self._channel.stream_stream(method, ask, answer)

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> ClosableChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
