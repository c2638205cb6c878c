"""What has happened lately, so that it is not done again at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable


class Lately:
    """Remembers keys for a while; may be used by several threads.

    Args:
        most: keys that are remembered; the oldest make room.
        seconds: for which one is.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._times: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, key: Hashable) -> bool:
        """Notes a key; returns whether it was not remembered."""
        now = time.monotonic()
        with self._lock:
            then = self._times.get(key)
            if then is not None and now - then < self._seconds:
                return False
            self._times.pop(key, None)
            self._times[key] = now
            if len(self._times) > self._most:
                self._times.popitem(last=False)
            return True
