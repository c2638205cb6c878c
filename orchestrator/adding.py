"""Images that come into the folder while there is a run: the catalog grows, only they are embedded, and the run goes on.

Numbers of images never change, so labels and vectors stay valid; the new ones stand behind the others. They are taken in at the
beginning of a round, because a round must not change its pool in the middle.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn

from orchestrator.clients.labeler import Shown
from orchestrator.clients.refs import ArtifactRef
from orchestrator.embedding import embed, embed_ahead
from orchestrator.model import Catalogued, Embedded, Model
from orchestrator.outputs.swipe import SwipeFolders
from orchestrator.pruning import prune
from orchestrator.run import Run
from orchestrator.settings import RunSettings
from orchestrator.sources.listing import Listed, list_source
from services.common.artifacts import digest_of
from services.common.catalog import Catalog, write_catalog

_ENDING = "/added"


@dataclass(frozen=True)
class Growth:
    """What a folder holds now, beside a catalog: new images in their order; how many others changed, and how many are gone."""

    new: list[Listed]
    changed: int
    gone: int

    def __str__(self) -> str:
        words = [f"{len(self.new)} new {'image' if len(self.new) == 1 else 'images'}"]
        if self.changed:
            words.append(
                f"{self.changed} changed since they were listed (they keep what they were; a new name adds them)"
            )
        if self.gone:
            words.append(f"{self.gone} are gone")
        return ", ".join(words)


def compare(catalog: Catalog, images: list[Listed]) -> Growth:
    """What of ``images``, as they are listed now, is not in the catalog or differs from it."""
    now = {path: (path, size, mtime) for path, size, mtime in images}
    changed = gone = 0
    for row in catalog.rows():
        found = now.pop(row.path, None)
        gone += found is None
        changed += found is not None and found[1:] != (row.size, row.mtime_ns)
    return Growth(list(now.values()), changed, gone)


def grow(run: Run, before: Catalogued) -> tuple[Catalogued, Growth]:
    """The catalog with what is new in the folder behind it, published under the name of its content."""
    with run.open_catalog(before.catalog) as catalog:
        source = list_source(run.settings.data, run.mirrors, run.reporter, catalog.listed_root, run.settings.tile)
        growth = compare(catalog, source.images)
        if not growth.new:
            return before, growth
        parts = (part for path, size, mtime in growth.new for part in (os.fsencode(path), size, mtime))
        name = digest_of(before.catalog.sha256, *parts)
        rows = chain(((row.path, row.size, row.mtime_ns) for row in catalog.rows()), growth.new)
        root = catalog.listed_root
        artifact, _ = run.store.once(
            f"catalogs/{run.id}-{name[:32]}.sqlite", lambda path: write_catalog(path, root, rows, before.images)
        )
    images = before.images + len(growth.new)
    return Catalogued(catalog=ArtifactRef.of(artifact), images=images), growth


def take_in(run: Run, before: Catalogued, model: Model, number: int) -> tuple[Catalogued, Model, bool]:
    """Takes in what `add` was asked for, before round ``number`` begins.

    Returns:
        the catalog and the model from now on, and whether there are more images than before.
    """
    step = f"round-{number}{_ENDING}"
    wished = run.folder.wish_to_add.exists() and not run.replaying and f"round-{number}/labels" not in run.journal
    if step not in run.journal and not wished:
        return before, model, False
    catalogued = run.once(step, Catalogued, lambda: _listed(run, before))
    if not run.replaying:
        run.folder.wish_to_add.unlink(missing_ok=True)
    if catalogued == before:
        return before, model, False
    show_images(run, newest_catalog(run, catalogued))
    embedded = run.once(f"round-{number}/embed-added", Embedded, lambda: embed(run, catalogued, model.encoder))
    run.generations.append(embedded)
    prune(run, run.generations)
    run.board.quarantined = embedded.quarantined
    model = model.model_copy(update={"embedded": embedded, "scores": None})
    head = model.head
    if head is not None:  # every array of scores has a number for each image
        scores = run.once(
            f"round-{number}/score-added",
            ArtifactRef,
            lambda: run.clients.trainer.score(run.id, head, embedded.generation),
        )
        model = model.model_copy(update={"scores": scores})
    assert run.results is not None
    run.results.grow(catalogued, embedded)
    _forget_what_was_shown(run)
    run.latest, run.catalogued = model, catalogued
    return catalogued, model, True


def add_now(run: Run, loop: Callable[[Run], object]) -> Growth:
    """For a run that is not at work: embeds what is new, so that the run finds it there when it goes on.

    Args:
        loop: takes the run to where its journal ends.
    """
    loop(run)
    assert run.catalogued is not None
    catalogued, growth = grow(run, run.catalogued)
    if growth.new:
        if run.latest is not None:
            embed_ahead(run, catalogued, run.latest.encoder)
        run.folder.wish_to_add.touch()
    return growth


def newest_catalog(run: Run, listed: Catalogued) -> Catalogued:
    """The catalog with all images that were ever added to the run: what people may have labelled already."""
    step = run.journal.last(_ENDING)
    return run.once(step, Catalogued, _never) if step is not None else listed


def show_images(run: Run, catalogued: Catalogued) -> None:
    """Makes the images known to the labeler, its page and the folders of links."""
    run.board.images = catalogued.images
    run.board.page = open_page(run, catalogued, run.settings)
    with run.open_catalog(catalogued.catalog) as catalog:
        run.swipe = SwipeFolders(run.folder.path / "swipe", catalog.root, [row.path for row in catalog.rows()])


def open_page(run: Run, catalogued: Catalogued, settings: RunSettings) -> bool:
    """Makes the run known to the labeler, or renews what its page says; whether people label there, nothing is simulated."""
    name = settings.name or settings.data.absolute().name
    question = settings.question or f"Is this {settings.labeling.pos_class or 'what you are looking for'}?"
    labeling = settings.labeling
    shown = Shown(name, question, labeling.batch_size, settings.definition, labeling.continuous, labeling.show_scores)
    run.clients.labeler.open_run(run.id, catalogued.catalog, shown)
    return not settings.labeling.simulate


def _listed(run: Run, before: Catalogued) -> Catalogued:
    with run.telling("add") as words:
        catalogued, growth = grow(run, before)
        words.append(f"Looked for images that were added: {growth}")
    return catalogued


def _forget_what_was_shown(run: Run) -> None:
    """An audit and a draw say something of the images that they were drawn from, a proof of what a head accepts among these."""
    if run.audit is not None or run.proof is not None:
        run.reporter.say(
            "What was shown about recall or precision holds for the images of then; with more, audit again"
        )
    run.audit = run.proof = run.board.prevalence = None
    run.drawn = ()


def _never() -> NoReturn:
    raise AssertionError("the journal has this step")
