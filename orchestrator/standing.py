"""Where a run stands, read from its journal; the run may be at work, stopped or finished."""

from __future__ import annotations

from typing import Any

from orchestrator.folder import RunFolder
from orchestrator.journal import is_at_work, read_entries


def describe(folder: RunFolder) -> str:
    """A few lines: what is done, how many labels, what comes next."""
    entries = read_entries(folder.journal)[0] if folder.journal.exists() else []
    results: dict[str, Any] = {str(entry["step"]): entry["result"] for entry in entries}
    lines = [f"Run {folder.run} in {folder.path}"]
    if "catalog" in results:
        lines.append(f"  images      {results['catalog']['images']}")
    if "embed" in results:
        aside = results["embed"]["quarantined"]
        lines.append(
            f"  embedded    all but {aside} that cannot be read, see {folder.quarantine}"
            if aside
            else "  embedded    all"
        )
    labelled = {step.rsplit("/", 1)[0]: result for step, result in results.items() if step.endswith("/label")}
    for step, result in _last_of_each_round(labelled).items():
        lines.append(
            f"  {step:<11} {result['positive']} positive, {result['negative']} negative, {result['unsure']} unsure"
        )
    last = str(entries[-1]["step"]) if entries else "none"
    if "finish" in results:
        lines.append("  finished")
        lines.append(str(results["finish"]["report"]))
    else:
        state = (
            "at work"
            if is_at_work(folder.journal)
            else f"not at work; go on with `active-labeler resume {folder.path}`"
        )
        lines.append(f"  last step   {last}")
        lines.append(f"  {state}")
    return "\n".join(lines)


def _last_of_each_round(labelled: dict[str, Any]) -> dict[str, Any]:
    """Seed batches count together: the last one has the sums of round 0."""
    rounds: dict[str, Any] = {}
    for step, result in labelled.items():
        rounds["seed set" if step.startswith("seed") else step.replace("-", " ")] = result
    return rounds
