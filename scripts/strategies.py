"""Writes docs/strategies.md from the strategies themselves; with --check, fails where it is out of date."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from services.sampler.registry import STRATEGIES
from services.sampler.strategies.strategy import Strategy

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "strategies.md"
EXAMPLE = ROOT / "docs" / "strategies-example.md"  # the part that is written by hand
_BEGINNING = """\
# Query strategies

<!-- Written by `make docs` from the docstrings and docs/strategies-example.md; change it there. -->

Which images a round asks about: `--strategy NAME`, or `sampling.strategy` in the configuration; numbers that a strategy takes
stand below `sampling.parameters`. `active-labeler strategies` lists them. What they are worth is in
[benchmarks.md](benchmarks.md).

Around any of them: `sampling.neighbours` adds the nearest neighbours of each pick; `sampling.seals` looks only at neighbours of
positives (SEALS, arXiv 2007.00077), `sampling.anchors` only at images drawn by lot; `sampling.no_closer_than` keeps
near-duplicates out of a batch; `goal` (`find_all`, `classifier` or `both`) leans `hybrid` to one side.

Every pick carries its reason to the card and to the label log.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_BEGINNING, *(_section(strategy) for strategy in STRATEGIES), EXAMPLE.read_text()])


def _section(strategy: Strategy) -> str:
    names = " · ".join(f"`{alias}`" for alias in strategy.aliases)
    facts = [
        f"Also called {names}." if names else "",
        f"Needs {' and '.join(strategy.needs)}." if strategy.needs else "",
        f"Committee: {strategy.committee}." if strategy.committee else "",
        f"Source: {strategy.paper}." if strategy.paper else "",
    ]
    lines = [f"## {strategy.name}", "", _prose(strategy), "", " ".join(fact for fact in facts if fact), ""]
    if strategy.parameters:
        lines += ["| parameter | default | range | |", "| --- | --- | --- | --- |"]
        lines += [
            f"| `{p.name}` | {p.default:g} | {p.least:g} to {p.most:g} | {p.description} |" for p in strategy.parameters
        ]
        lines.append("")
    return "\n".join(lines)


def _prose(strategy: Strategy) -> str:
    """The docstring up to its arguments."""
    text = inspect.cleandoc(strategy.query.__doc__ or strategy.description)
    return text.split("\nArgs:")[0].replace("``", "`").strip()


def main() -> None:
    """Writes or checks the page."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        sys.exit(f"{PAGE} is out of date: run `make docs`")


if __name__ == "__main__":
    main()
