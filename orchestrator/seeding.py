"""The seed set: the first labelled images, found by neighbours of a reference image, taken from folders, or drawn at random."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import EncoderRef, GenerationRef, Pick
from orchestrator.labeling import SEED_ROUND, label, tally
from orchestrator.labels import SEED_FOLDER, LabelLog
from orchestrator.model import Catalogued
from orchestrator.publishing import publish
from orchestrator.questions import Question, Standing
from orchestrator.run import Run
from orchestrator.selecting import HYBRID, free_items
from protos.errors import ConflictError, InvalidInputError, NotFoundError
from services.common.catalog import Catalog

_NAMED = 5  # absent images that an error sentence names


def seed_from_folder(run: Run, catalogued: Catalogued) -> int:
    """Records the labels of a seed folder; returns how many there are.

    Raises:
        NotFoundError: when the folder, or an image that it names, is not there.
        ConflictError: when an image is in both halves.
    """
    folder = run.settings.seed_set.folder
    assert folder is not None
    with run.telling("seed folder") as words, run.open_catalog(catalogued.catalog) as catalog:
        positive = _items_named(catalog, folder / "positive")
        negative = _items_named(catalog, folder / "negative")
        both = sorted(positive & negative)
        if both:
            raise ConflictError(
                f"{catalog.row(both[0]).path} is in positive and in negative of the seed folder {folder}; remove one of them"
            )
        items = np.array(sorted(positive | negative), dtype=np.uint64)
        truth = np.array([int(item) in positive for item in items], dtype=np.bool_)
        run.clients.labeler.import_labels(run.id, SEED_ROUND, items, truth, SEED_FOLDER)
        words.append(f"Took {len(positive)} positive and {len(negative)} negative images from {folder}")
    return len(items)


def _items_named(catalog: Catalog, folder: Path) -> set[int]:
    if not folder.is_dir():
        raise NotFoundError(f"the seed folder {folder} does not exist; it takes positive/ and negative/ side by side")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith("."))
    found = {name: catalog.find_names(name) for name in names}
    absent = [name for name, items in found.items() if not items]
    if absent:
        some = ", ".join(absent[:_NAMED]) + (", ..." if len(absent) > _NAMED else "")
        raise NotFoundError(
            f"{len(absent)} of {len(names)} images in the seed folder {folder} are not in the data: {some};"
            " name them as in the data, or remove them"
        )
    several = [name for name, items in found.items() if len(items) > 1]
    if several:
        raise ConflictError(
            f"{several[0]} in the seed folder {folder} is the name of {len(found[several[0]])} images of the data;"
            " give it a name of its own in both"
        )
    return {items[0] for items in found.values()}


def embed_reference(run: Run, encoder: EncoderRef) -> list[list[float]]:
    """The embeddings [n, dim] of the reference images and of the phrase.

    They are made before the long work, so that a wrong file is told at once.
    """
    vectors: list[list[float]] = []
    for reference in run.settings.reference_images:
        image = publish(run.store, reference, "references", "reference image", "seed_set.reference (--reference)")
        vectors += run.clients.embedder.embed_image(run.id, encoder, image, str(reference), run.embedding).tolist()
    phrase = run.settings.seed_set.phrase.strip()
    if phrase:
        vectors += run.clients.embedder.embed_text(run.id, encoder, [phrase], run.embedding).tolist()
    return vectors


def seed_by_labeling(
    run: Run,
    log: LabelLog,
    generation: GenerationRef,
    present: NDArray[np.bool_],
    reference: list[list[float]] | None,
) -> None:
    """Asks how many images, has them labelled, and asks again until the answer is 0.

    With a reference image 80 % of the first are its neighbours, later 80 % of the number for each positive image; a quarter
    as many again are random. Without one, all are random, or unlike each other where the strategy knows how.

    Args:
        present: which images can be asked about [rows].
        reference: the embeddings [n, dim] of the reference images, if there are any.
    """
    query: NDArray[np.float32] | NDArray[np.uint64] | None = None
    if reference is not None:
        query = np.array(reference, dtype=np.float32)
    attempt = 0
    while True:
        tally(run, log.newest())
        question = _question(attempt, reference is not None, free_items(present, log.newest().asked()))
        count = int(run.ask(question, _standing(log)))
        if count == 0:
            return
        picks = run.once(
            f"seed-{attempt}/select",
            list[Pick],
            lambda n=count, q=query, a=attempt: _seed_picks(run, log, generation, q, n, a),  # type: ignore[misc]
        )
        if not picks:
            run.reporter.say(
                "The nearest images of each positive one are labelled already; a larger number reaches further"
            )
        label(run, log, SEED_ROUND, picks, step=f"seed-{attempt}")
        if reference is None:
            return
        positives = log.newest().of(Answer.POSITIVE)
        query = np.array(positives, dtype=np.uint64) if positives else np.array(reference, dtype=np.float32)
        attempt += 1


def _question(attempt: int, reference: bool, most: int) -> Question:
    if attempt == 0:
        what = "neighbours of the reference image" if reference else "images, as unlike each other as possible,"
        text = f"How many {what} shall be labelled first? A number, for example 20 (0: none)"
    else:
        text = "How many neighbours of each positive image shall be labelled as well? A number (0: go on)"
    return Question(f"seed-{attempt}/count", text, most=most, wants_example=attempt == 0 and not reference)


def _standing(log: LabelLog) -> Standing:
    labels = log.newest()
    return Standing(0, [labels.count(Answer.POSITIVE)], len(labels.training()[0]))


def _seed_picks(
    run: Run,
    log: LabelLog,
    generation: GenerationRef,
    query: NDArray[np.float32] | NDArray[np.uint64] | None,
    count: int,
    attempt: int,
) -> list[Pick]:
    assert run.results is not None
    asked = log.newest().asked()
    near: list[int] = []
    if query is not None:
        wanted = max(1, count * 4 // 5)
        near = _neighbours(run, generation, query, wanted, set(asked.tolist()), fair=attempt == 0)
        near = near[:wanted] if attempt == 0 else near
    rest = count - len(near) if attempt == 0 else round(len(near) / 4)
    taken = np.union1d(asked, np.array(near, dtype=np.uint64))
    rest = max(0, min(rest, free_items(run.results.present, taken)))
    random: list[Pick] = []
    if rest:
        seed = run.seed("seed", attempt)
        spread = query is None and run.settings.sampling.strategy == HYBRID  # with nothing to go by: unlike each other
        strategy = HYBRID if spread else "random"
        random = run.clients.sampler.select(run.id, SEED_ROUND, strategy, rest, seed, generation, None, taken)
    picks = [Pick(item=item, reason="neighbour", score=float("nan")) for item in near] + random
    if not picks and not len(asked):
        raise InvalidInputError("there is no image to label; every image of the data was set aside as unreadable")
    return picks


def _neighbours(
    run: Run,
    generation: GenerationRef,
    query: NDArray[np.float32] | NDArray[np.uint64],
    wanted: int,
    asked: set[int],
    fair: bool = False,
) -> list[int]:
    """Up to ``wanted`` items near each query, without what was asked about already, nearest first.

    With ``fair`` each query has its turn: the nearest of every one, then the second nearest, and so on. A phrase is
    further from every image than images are from each other.
    """
    found = run.clients.index.neighbours(run.id, generation, query, wanted, run.settings.index.search_k)
    best: dict[int, tuple[int, float]] = {}
    for items, distances in found:
        for rank, (item, distance) in enumerate(zip(items, distances, strict=True)):
            if item not in asked:
                place = (rank, distance) if fair else (0, distance)
                best[item] = min(place, best.get(item, place))
    return sorted(best, key=lambda item: (best[item], item))
