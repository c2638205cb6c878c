"""Calls with patience: every method is idempotent, so that a call to a service that is away is simply made again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from protos.errors import ClosedError, UnavailableError
from protos.rpc import DEFAULT_TIMEOUT_S, LONGEST_CALL_S

log = logging.getLogger(__name__)

LONG_S = LONGEST_CALL_S  # deadline of work calls: an index over millions of images, fine-tuning
T = TypeVar("T")


@dataclass
class Caller:
    """How calls are made.

    Attributes:
        patience_s: how long a call waits for a service that is away; 0 where a launcher watches over the services.
        why_gone: asked when a service does not answer; its sentence ends the waiting at once.
    """

    patience_s: float = 0.0
    why_gone: Callable[[], str | None] = lambda: None

    def __call__(self, method: Callable[..., T], request: object, timeout_s: float = DEFAULT_TIMEOUT_S) -> T:
        """Calls ``method`` until it answers, or patience ends.

        Raises:
            UnavailableError: when the service stopped, or stays away for longer than ``patience_s``.
            ActiveLabelerError: whatever the service answers.
        """
        end = time.monotonic() + self.patience_s
        while True:
            try:
                return method(request, timeout=timeout_s)
            except ClosedError:  # by ourselves: the run is over for this process
                raise
            except UnavailableError as error:
                gone = self._reason()
                if gone is not None:
                    raise UnavailableError(gone) from error
                if time.monotonic() > end:
                    raise
                log.warning("%s; trying again", error)
                time.sleep(1)

    def _reason(self) -> str | None:
        """Why the service is gone; asked for a second, as the end of a process is noticed a little after its broken call."""
        for _ in range(20):
            reason = self.why_gone()
            if reason is not None or self.patience_s > 0:
                return reason
            time.sleep(0.05)
        return None
