"""Where a run stands, from its journal and from those who work on it, where there is somebody to ask."""

from __future__ import annotations

from math import isnan
from typing import Any

from orchestrator import figures
from orchestrator.clients.refs import EncoderRef
from orchestrator.embedding_note import read_note as read_embedding
from orchestrator.folder import RunFolder
from orchestrator.journal import is_at_work, read_entries
from orchestrator.prevalence import DRAW, Prevalence
from orchestrator.queue_note import read_note
from orchestrator.service_settings import read_orchestrator_settings
from protos import control_pb2
from protos.errors import ConflictError

_NEXT = {  # what follows a step, by the last part of its name
    "catalog": "read the encoder",
    "encoder": "embed the images",
    "reading": "embed the images",
    "precision": "embed the images",
    "reference": "embed the images",
    "seed-folder": "embed the images",
    "embed": "the first question",
    "count": "pick the images of the seed set",
    "select": "put the picked images on offer",
    "offer": "label the images on offer",
    "label": "the next question",
    "choice": "train",
    "labels": "train",
    "train": "score the pool",
    "fine-tune": "embed the images with the new encoder",
    "score": "pick images to label",
    "asked": "pick images to label",
    "assess": "the next question",
    "agreement": "the next question",
    "over": "the next question",
    "prevalence": "the next question",
    "added": "embed the images that were added",
    "embed-added": "train",
    "score-added": "train",
    "target": "the audit",
    "draw": "put the drawn images on offer",
    "judge": "the next question",
}


_BEFORE = "audit before "


def describe(folder: RunFolder) -> str:
    """A few lines: what is done, how many labels, what comes next."""
    entries = read_entries(folder.journal)[0] if folder.journal.exists() else []
    results: dict[str, Any] = {str(entry["step"]): entry["result"] for entry in entries}
    lines = [f"Run {folder.run} in {folder.path}", *_done(folder, results)]
    if "finish" in results:
        told_last = [*_figures(results, None, None), *_lights(results), "  finished", str(results["finish"]["report"])]
        return "\n".join([*lines, *told_last])
    process = read_orchestrator_settings()
    asked = figures.Asked(folder, process)
    told = asked.status()
    drawn = asked.dashboard() if told is not None else None
    lines += _figures(results, told, drawn)
    last = str(entries[-1]["step"]) if entries else ""
    lines.append(f"  last step   {last or 'none yet'}")
    lines.append(f"  next        {_next(last)}")
    lines += _lights(results)
    lines += _embedding(folder, _next(last)) or (figures.pace_line(drawn) if drawn is not None else [])
    lines += asked.labeling()
    return "\n".join([*lines, *_state(folder, told, process.control is not None)])


def check_may_grow(folder: RunFolder) -> None:
    """Looks whether images can be added to a run.

    Raises:
        ConflictError: when it is finished, or has listed no images yet.
    """
    steps = {str(entry["step"]) for entry in read_entries(folder.journal)[0]} if folder.journal.exists() else set()
    if "finish/labels" in steps:
        raise ConflictError(
            f"the run in {folder.path} is finished; start another one, with what you know in --seed-folder, or classify the"
            " new images with `active-labeler predict`"
        )
    if "catalog" not in steps:
        raise ConflictError(
            f"the run in {folder.path} has not listed its images yet; `active-labeler resume {folder.path}` takes all there are"
        )


def report_of(folder: RunFolder) -> str | None:
    """The report of a run that is finished; None where it is not."""
    entries = read_entries(folder.journal)[0] if folder.journal.exists() else []
    results: dict[str, Any] = {str(entry["step"]): entry["result"] for entry in entries}
    return str(results["finish"]["report"]) if "finish" in results else None


def _done(folder: RunFolder, results: dict[str, Any]) -> list[str]:
    lines = []
    if "catalog" in results:
        images = _images(results)
        added = images - results["catalog"]["images"]
        lines.append(f"  images      {images}{f', {added} of them added later' if added else ''}")
    if "reading" in results:
        lines.append(f"  decoded     {EncoderRef.model_validate(results['reading']).reading}")
    if "embed" in results:
        aside = results["embed"]["quarantined"]
        exception = f" but {aside} that cannot be read, see {folder.quarantine}" if aside else ""
        lines.append(f"  embedded    all{exception}")
    if "seed-folder" in results:
        lines.append(f"  seed set    {results['seed-folder']} images from a folder")
    labelled = {step.rsplit("/", 1)[0]: result for step, result in results.items() if step.endswith("/label")}
    for step, result in _last_of_each_round(labelled).items():
        lines.append(
            f"  {step:<11} {result['positive']} positive, {result['negative']} negative, {result['unsure']} unsure"
        )
    for step, result in results.items():
        if step.endswith("/offer") and step.replace("/offer", "/label") not in results:
            lines.append(f"  on offer    {_on_offer(folder, step, result['cards'])}")
    return lines


def _embedding(folder: RunFolder, step: str) -> list[str]:
    """How far the images are embedded, and who is at it, where that is what comes next."""
    found = read_embedding(folder.path) if step.startswith("embed ") else None
    if found is None:
        return []
    embedding, age_s = found
    first, *workers = embedding.lines(is_at_work(folder.journal), age_s)
    return [f"  embedding   {first}", *(f"              {worker}" for worker in workers)]


def _lights(results: dict[str, Any]) -> list[str]:
    """What the newest round says about how far the search is."""
    assessed = [result for step, result in results.items() if step.endswith("/assess")]
    if not assessed:
        return []
    lights = (("head", "head"), ("coverage", "yield"), ("audit", "audit"))
    return [
        *(f"  {word:<11} [{assessed[-1][name]['colour']}] {assessed[-1][name]['text']}" for name, word in lights),
        *([] if "finish" in results else [f"  advice      {assessed[-1]['advice']}"]),
        *_agreement(results),
    ]


def _agreement(results: dict[str, Any]) -> list[str]:
    """How well people agree, as of the last round that could tell."""
    words = [result for step, result in results.items() if step.endswith("/agreement")]
    return [f"  {name:<11} {text}" for name, text in words[-1].items()] if words else []


def _on_offer(folder: RunFolder, step: str, cards: int) -> str:
    """How far the batch is, where that was noted; a note of an earlier round says nothing."""
    note, number = read_note(folder.path), step.split("/")[0].removeprefix("round-")
    if note is not None and note.round == (int(number) if number.isdecimal() else 0):
        return str(note)
    return f"{cards} image{'' if cards == 1 else 's'}"


def _last_of_each_round(labelled: dict[str, Any]) -> dict[str, Any]:
    """Seed batches count together: the last one has the sums of round 0."""
    rounds: dict[str, Any] = {}
    for step, result in labelled.items():
        name = "seed set" if step.startswith("seed") else step.replace("-", " ")
        rounds[f"{_BEFORE}{name.split('/')[0]}" if "/certainty" in step else name] = result
    return {name: _without(result, rounds.get(f"{_BEFORE}{name}", {})) for name, result in rounds.items()}


def _without(sums: dict[str, Any], audits: dict[str, Any]) -> dict[str, Any]:
    """The answers of a round without those of the audits before it, which have its number."""
    return {key: sums[key] - audits.get(key, 0) for key in ("positive", "negative", "unsure")}


def _next(last: str) -> str:
    group, _, part = last.rpartition("/")
    if not last:
        return "list the images"
    if group == "finish" or (group and part == "embed"):
        return (
            "write the data set and the model" if part == "score" else "score the pool" if part != "labels" else "train"
        )
    if last == DRAW:
        return _NEXT["encoder"]
    return _NEXT.get(part, "go on")


def _found(results: dict[str, Any]) -> tuple[int, int]:
    """Positives and labels of all batches that are done; the last of a round has the sums of the round."""
    rounds = {}
    for step, result in results.items():
        if step.endswith("/label"):
            name = step.split("/")[0]
            rounds["seed" if name.startswith("seed") else name] = result
    positives = sum(result["positive"] for result in rounds.values())
    return positives, positives + sum(result["negative"] for result in rounds.values())


def _figures(
    results: dict[str, Any], told: control_pb2.RunStatus | None, drawn: control_pb2.Dashboard | None
) -> list[str]:
    """Positives against labels, the newest head, and the share of positives: as of now, or else as of the journal."""
    positives, labels = (told.positives, told.labels) if told is not None and told.labels else _found(results)
    seeds = results.get("seed-folder", 0) if told is None or not told.labels else 0
    more = f", and {seeds} images of the seed folder" if seeds else ""
    bounds = _prevalence(results, positives)
    if drawn is not None and not isnan(drawn.prevalence_at_least):
        bounds = drawn.prevalence_at_least, drawn.prevalence_at_most, drawn.prevalence_drawn
    return [
        *figures.found_line(positives, labels, more),
        *figures.quality_line(results),
        *figures.prevalence_line(*bounds),
    ]


def _prevalence(results: dict[str, Any], positives: int) -> tuple[float, float, int]:
    """The share of positives, at least and at most, and by how many images of the draw while embedding; 0: by an audit."""
    bounds = _by_draw(results)
    if bounds is not None and bounds.counts:
        return *bounds.shares(positives), bounds.drawn
    assessed = [result for step, result in results.items() if step.endswith("/assess")]
    if not assessed or "embed" not in results:
        return *figures.prevalence(0, 0, 0.0), 0
    newest = [result for step, result in results.items() if step.endswith(("embed", "embed-added"))][-1]
    images = _images(results) - newest["quarantined"]
    return *figures.prevalence(positives, images, assessed[-1]["audited_at_least"]), 0


def _by_draw(results: dict[str, Any]) -> Prevalence | None:
    """What the draw while embedding says; nothing once images were added that it was not drawn from."""
    told: Prevalence | None = None
    for step, result in results.items():
        if step.endswith("/embed-added"):
            told = None
        elif step.endswith("/prevalence"):
            told = Prevalence.model_validate(result)
    return told


def _images(results: dict[str, Any]) -> int:
    """All that are listed, with those that were added."""
    newest = [result for step, result in results.items() if step.endswith(("catalog", "/added"))]
    return int(newest[-1]["images"]) if newest else 0


def _state(folder: RunFolder, told: control_pb2.RunStatus | None, deployed: bool) -> list[str]:
    """Whether anybody works on the run, and what it waits for where there is somebody to ask."""
    resume = f"go on with `active-labeler resume {folder.path}`"
    if told is None:
        return ["  at work" if is_at_work(folder.journal) else f"  not at work; {resume}"]
    if told.HasField("question") and not told.question.optional:
        choices = f" [{'/'.join(told.question.choices)}]" if told.question.choices else ""
        there = (
            f"answer it after `active-labeler resume {folder.path}`" if deployed else "answer it where it was started"
        )
        return [f"  waits for an answer: {told.question.text}{choices}", f"  {there}, or on the page"]
    if told.state in ("stopped", "failed"):
        return [f"  {told.state}: {told.message}", f"  {resume}"]
    return [f"  at work ({told.state}{', step ' + told.step if told.step else ''})"]
