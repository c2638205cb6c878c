"""A channel whose every call goes to the replica with the fewest: gRPC's own round robin counts calls, and knows no queues.

A slow replica, or one that has just come back, gets as many calls as it answers. A call that finds its replica away goes to
another one, by the same rule as that of all channels (`rpc.RETRIES`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from protos.peers import Peer, Peers

_Bytes = Callable[[Any], bytes] | None
_Message = Callable[[bytes], Any] | None


@dataclass(frozen=True)
class Retries:
    """How often a call is made again that found nobody.

    Attributes:
        attempts: in all.
        first_s, longest_s: the wait before the second attempt, and the longest; it doubles between.
    """

    attempts: int
    first_s: float
    longest_s: float

    def pause_s(self, attempt: int) -> float:
        """The wait after the ``attempt``-th attempt, from 1."""
        return min(self.first_s * 2.0 ** (attempt - 1), self.longest_s)


class SpreadChannel(grpc.Channel):
    """Unary calls go to the replica with the fewest.

    Args:
        peers: the replicas; closed with this channel.
        plain: a channel to all of them as gRPC has it: for streams, and for calls while no address is known, which
            fail there with what gRPC has to say about it.
        retries: of unary calls.
    """

    def __init__(self, peers: Peers, plain: grpc.Channel, retries: Retries) -> None:
        self._peers, self._plain, self._retries = peers, plain, retries

    def unary_unary(self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False) -> Any:
        return _Unary(self._peers, self._plain, self._retries, (method, ask, answer))

    def unary_stream(
        self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False
    ) -> Any:
        return self._plain.unary_stream(method, ask, answer)

    def stream_unary(
        self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False
    ) -> Any:
        return self._plain.stream_unary(method, ask, answer)

    def stream_stream(
        self, method: str, ask: _Bytes = None, answer: _Message = None, handle: bool | None = False
    ) -> Any:
        return self._plain.stream_stream(method, ask, answer)

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool | None = False
    ) -> None:
        self._plain.subscribe(callback, bool(try_to_connect))

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        self._plain.unsubscribe(callback)

    def close(self) -> None:
        self._peers.close()
        self._plain.close()

    def __enter__(self) -> SpreadChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Unary:
    """One method; all that the interceptors of gRPC ask of it."""

    def __init__(self, peers: Peers, plain: grpc.Channel, retries: Retries, method: tuple[str, _Bytes, _Message]):
        self._peers, self._plain, self._retries, self._method = peers, plain, retries, method

    def __call__(self, request: Any, timeout: float | None = None, **more: Any) -> Any:
        return self.with_call(request, timeout, **more)[0]

    def with_call(self, request: Any, timeout: float | None = None, **more: Any) -> Any:
        """The answer and its call.

        Raises:
            grpc.RpcError: of the last attempt.
            ValueError: when the channel is closed.
        """
        end = None if timeout is None else time.monotonic() + timeout
        for attempt in range(1, self._retries.attempts):
            try:
                return self._attempt(request, end, more)
            except grpc.RpcError as error:
                pause_s = self._retries.pause_s(attempt)
                late = end is not None and not self._peers.at_work() and time.monotonic() + pause_s >= end
                if not _is_unavailable(error) or late:
                    raise
                self._peers.wait(pause_s)  # no longer than until there is a replica that answers
        return self._attempt(request, end, more)

    def future(self, request: Any, timeout: float | None = None, **more: Any) -> Any:
        """The call itself, made once and not made again."""
        peer = self._peers.take()
        if peer is None:
            return self._of(self._plain).future(request, timeout=timeout, **more)
        try:
            call = self._of(peer.channel).future(request, timeout=timeout, **more)
        except BaseException:
            self._peers.give_back(peer, failed=False)
            raise
        call.add_done_callback(lambda done: self._peers.give_back(peer, done.code() is grpc.StatusCode.UNAVAILABLE))
        return call

    def _attempt(self, request: Any, end: float | None, more: dict[str, Any]) -> Any:
        left = None if end is None else max(end - time.monotonic(), 0.0)
        peer = self._peers.take()
        if peer is None:
            return self._of(self._plain).with_call(request, timeout=left, **more)
        return self._at(peer, request, left, more)

    def _at(self, peer: Peer, request: Any, timeout: float | None, more: dict[str, Any]) -> Any:
        failed = False
        try:
            return self._of(peer.channel).with_call(request, timeout=timeout, **more)
        except grpc.RpcError as error:
            failed = _is_unavailable(error)
            raise
        finally:
            self._peers.give_back(peer, failed)

    def _of(self, channel: grpc.Channel) -> Any:
        return channel.unary_unary(*self._method)


def _is_unavailable(error: grpc.RpcError) -> bool:
    return isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE
