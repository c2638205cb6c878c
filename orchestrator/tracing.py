"""The traces of a run: one for its start, one for each round, for each audit or proof, and for its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.run import Run, Stopped
from protos import traces
from protos.about import About


@contextmanager
def part_of(run: Run, name: str, key: str, until: str = "", number: int | None = None) -> Iterator[None]:
    """What is done within the block is one trace. What the journal has already is not done, and makes none.

    Args:
        name: "round", and the like.
        key: which of them; a part that was killed and goes on is the same trace.
        until: the step of the journal that comes after this part, if there is one.
        number: of the round.
    """
    if run.replaying or until in run.journal:
        yield
        return
    with traces.trace(name, key, About(run.id, number), calm=(Stopped,)):
        yield
