"""The replicas behind one target: which there are, how many calls each has, and which of them answer."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import grpc

log = logging.getLogger(__name__)

_NAMES_S = 1.0  # how often names are looked up
_AWAY_S = 0.25  # how often replicas that were away are asked for their health


@dataclass(eq=False)
class Peer:
    """One replica.

    Attributes:
        address: as gRPC takes it.
        channel: to this replica alone.
        calls: those that it has not answered yet.
        turn: when it was chosen last; of equals, the one whose turn is longest ago is next.
        away: its last call failed, and it has not said since that it serves.
        asked: somebody waits for it to say so.
        worker: what it calls itself; "" while nobody knows, or where it has no name.
    """

    address: str
    channel: grpc.Channel
    calls: int = 0
    turn: int = 0
    away: bool = False
    asked: bool = False
    worker: str = ""


class Peers:
    """Chooses the replica with the fewest calls, and keeps the list of replicas.

    Args:
        look_up: gives the addresses of all replicas; none: they stay as they are.
        open_channel: a channel to one address, which repeats no call by itself.
        who: the name of the replica behind a channel, "" for one without; None where it does not say that it serves.
    """

    def __init__(
        self,
        look_up: Callable[[], Sequence[str]],
        open_channel: Callable[[str], grpc.Channel],
        who: Callable[[grpc.Channel], str | None],
    ) -> None:
        self._look_up, self._open, self._who = look_up, open_channel, who
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._back = threading.Condition(self._lock)  # told when a replica comes, and when all is closed
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
            peer = min(self._replicas(), key=lambda one: (one.away, one.calls, one.turn))
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
            return sum(not peer.away for peer in self._replicas())

    def wait(self, seconds: float) -> None:
        """Waits so long for a replica that answers.

        Raises:
            ValueError: when the channel is closed.
        """
        with self._back:
            self._back.wait_for(lambda: self._closed.is_set() or self._some_at_work(), seconds)
        self._check_open()

    def close(self) -> None:
        """Ends all calls in flight."""
        with self._back:
            self._closed.set()
            peers, self._peers = [*self._peers.values(), *self._leaving], {}
            self._leaving = []
            self._back.notify_all()
        _close(peers)

    def _replicas(self) -> list[Peer]:
        """One for each worker, however many addresses it is reached at: the first that answers."""
        found: dict[str, Peer] = {}
        for peer in self._peers.values():
            other = found.setdefault(peer.worker or peer.address, peer)
            if other.away and not peer.away:
                found[peer.worker] = peer
        return list(found.values())

    def _some_at_work(self) -> bool:
        return any(not peer.away for peer in self._peers.values())

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
        self._ask_who_is_there()

    def _keep(self) -> None:
        named = time.monotonic()
        while not self._closed.wait(_AWAY_S):
            try:
                self._ask_who_was_away()
                if time.monotonic() - named >= _NAMES_S:
                    self._name(self._look_up())
                    self._ask_who_is_there()
                    named = time.monotonic()
            except Exception:  # the next look may do better, and calls go on with what is known
                log.warning("the replicas cannot be looked up", exc_info=True)

    def _ask_who_was_away(self) -> None:
        self._ask_all(lambda peer: peer.away)

    def _ask_who_is_there(self) -> None:
        """Where a name has addresses of IPv4 and of IPv6, one worker may be reached at both: then each says who it is."""
        with self._lock:
            families = {address.partition(":")[0] for address in self._peers}
        if len(families) > 1:
            self._ask_all(lambda peer: True)

    def _ask_all(self, which: Callable[[Peer], bool]) -> None:
        with self._lock:
            wanted = [peer for peer in self._peers.values() if which(peer) and not peer.asked]
            for peer in wanted:
                peer.asked = True
        for peer in wanted:  # each in a thread: one that says nothing must not hold up those that are back
            threading.Thread(target=self._ask, args=(peer,), name="replica-health", daemon=True).start()

    def _ask(self, peer: Peer) -> None:
        worker = None
        try:
            with contextlib.suppress(ValueError):  # closed meanwhile
                worker = self._who(peer.channel)
        finally:
            with self._back:
                peer.away, peer.asked = peer.away and worker is None, False
                if worker is not None:
                    peer.worker = worker
                    self._back.notify_all()

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
                self._back.notify_all()
        return self._take_leave()

    def _take_leave(self) -> list[Peer]:
        over = [peer for peer in self._leaving if not peer.calls]
        self._leaving = [peer for peer in self._leaving if peer.calls]
        return over


def _close(peers: Iterable[Peer]) -> None:
    for peer in peers:
        peer.channel.close()
