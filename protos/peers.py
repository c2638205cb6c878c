"""The replicas behind one target: which there are, how many calls each has, and which of them answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import grpc

log = logging.getLogger(__name__)

_EVERY_S = 1.0  # names are looked up, and replicas that were away are asked for their health


@dataclass(eq=False)
class Peer:
    """One replica.

    Attributes:
        address: as gRPC takes it.
        channel: to this replica alone.
        calls: those that it has not answered yet.
        turn: when it was chosen last; of equals, the one whose turn is longest ago is next.
        away: its last call failed, and it has not said since that it serves.
    """

    address: str
    channel: grpc.Channel
    calls: int = 0
    turn: int = 0
    away: bool = False


class Peers:
    """Chooses the replica with the fewest calls, and keeps the list of replicas.

    Args:
        look_up: gives the addresses of all replicas; none: they stay as they are.
        open_channel: a channel to one address, which repeats no call by itself.
        serves: whether the replica behind a channel says that it serves.
        every_s: how often addresses are looked up, and replicas that were away are asked.
    """

    def __init__(
        self,
        look_up: Callable[[], Sequence[str]],
        open_channel: Callable[[str], grpc.Channel],
        serves: Callable[[grpc.Channel], bool],
        every_s: float = _EVERY_S,
    ) -> None:
        self._look_up, self._open, self._serves, self._every_s = look_up, open_channel, serves, every_s
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._peers: dict[str, Peer] = {}
        self._leaving: list[Peer] = []  # no longer named, but still at a call
        self._turns = count(1)
        self._keeper: threading.Thread | None = None

    def take(self) -> Peer | None:
        """The replica for the next call, which `give_back` must follow; None where no address is known.

        Raises:
            ValueError: when the channel is closed; in the words of gRPC, which callers know.
        """
        self._begin()
        with self._lock:
            self._check_open()
            if not self._peers:
                return None
            peer = min(self._peers.values(), key=lambda one: (one.away, one.calls, one.turn))
            peer.calls, peer.turn = peer.calls + 1, next(self._turns)
            return peer

    def give_back(self, peer: Peer, failed: bool) -> None:
        """The call is over. A replica that failed gets no more calls until it serves, unless there is no other."""
        with self._lock:
            peer.calls -= 1
            peer.away = failed
            over = self._take_leave()
        _close(over)

    def at_work(self) -> int:
        """How many replicas answer, as far as anybody knows."""
        self._begin()
        with self._lock:
            return sum(not peer.away for peer in self._peers.values())

    def wait(self, seconds: float) -> None:
        """Waits, unless the channel is closed.

        Raises:
            ValueError: when it is.
        """
        self._closed.wait(seconds)
        self._check_open()

    def close(self) -> None:
        """Ends all calls in flight."""
        with self._lock:
            self._closed.set()
            peers, self._peers = [*self._peers.values(), *self._leaving], {}
            self._leaving = []
        _close(peers)

    def refresh(self) -> None:
        """Looks up the addresses, and asks the replicas that were away."""
        self._name(self._look_up())
        with self._lock:
            away = [peer for peer in self._peers.values() if peer.away]
        for peer in away:
            try:
                peer.away = not self._serves(peer.channel)
            except ValueError:  # closed meanwhile
                return

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ValueError("this channel is closed")

    def _begin(self) -> None:
        """The first call looks up the addresses, and starts the thread that goes on with it."""
        with self._lock:
            if self._keeper is not None or self._closed.is_set():
                return
            self._keeper = threading.Thread(target=self._keep, name="replicas", daemon=True)
            self._name_locked(self._look_up())
            self._keeper.start()

    def _keep(self) -> None:
        while not self._closed.wait(self._every_s):
            try:
                self.refresh()
            except Exception:  # the next look may do better, and calls go on with what is known
                log.warning("the replicas cannot be looked up", exc_info=True)

    def _name(self, addresses: Sequence[str]) -> None:
        with self._lock:
            over = self._name_locked(addresses)
        _close(over)

    def _name_locked(self, addresses: Sequence[str]) -> list[Peer]:
        """From now on these are the replicas; returns those that can be closed."""
        if not addresses or self._closed.is_set():
            return []
        gone = self._peers.keys() - set(addresses)
        self._leaving += [self._peers.pop(address) for address in gone]
        for address in addresses:
            if address not in self._peers:
                self._peers[address] = Peer(address, self._open(address))
        return self._take_leave()

    def _take_leave(self) -> list[Peer]:
        over = [peer for peer in self._leaving if not peer.calls]
        self._leaving = [peer for peer in self._leaving if peer.calls]
        return over


def _close(peers: Iterable[Peer]) -> None:
    for peer in peers:
        peer.channel.close()
