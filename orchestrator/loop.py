"""The active-learning loop.

Embed the images once, find a seed set, and then repeat: train a head, score the pool, pick the images worth asking about,
have them labelled. It ends with a curated data set and a trained model. Every step is journalled before the next begins.
"""

from __future__ import annotations

from itertools import count

from orchestrator.adding import newest_catalog, show_images, take_in
from orchestrator.assessing import assess
from orchestrator.auditing import certify
from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import EncoderRef
from orchestrator.continuous import choose
from orchestrator.early import bound, count_early, draw_early, end_early, offer_early
from orchestrator.embedding import choose_computing, embed, import_encoder, list_data, settle_reading
from orchestrator.finish import Finished, finish
from orchestrator.fixed_encoders import not_offered, refusal
from orchestrator.inviting import announce
from orchestrator.labeling import tally
from orchestrator.labeling_settings import SamplingSettings
from orchestrator.labels import LabelLog
from orchestrator.model import Catalogued, Computing, Embedded, Model
from orchestrator.questions import AUDIT, FINE_TUNE, FINISH, PROVE, TRAIN, Question, Standing, without
from orchestrator.results import Results
from orchestrator.rounds import RoundRecord, one_round
from orchestrator.run import Run
from orchestrator.seeding import embed_reference, seed_by_labeling, seed_from_folder
from orchestrator.selecting import check_strategy, free_items
from orchestrator.tracing import part_of
from protos.errors import InvalidInputError

_TUNE = " fine-tune encoder and head [f],"
_CHOICE = f"Train the head [l],{_TUNE} audit recall [a], prove precision [p], or finish [q]?"
_CHOICES = (TRAIN, FINE_TUNE, AUDIT, PROVE, FINISH)


def run_loop(run: Run) -> Finished:
    """Takes a run from where it is to its end, and returns what came of it."""
    log = LabelLog(run.clients.labeler, run.id)
    with part_of(run, "start", "start", until="round-1/choice"):
        catalogued, model, results = _begin(run, log)
    wish = ""
    for number in count(1):
        choice, model = _choose(run, log, catalogued, model, results, number, wish)
        if choice == FINISH:
            catalogued, model, _ = take_in(run, catalogued, model, number)
            break
        with part_of(run, "round", f"round-{number}", until=f"round-{number + 1}/choice", number=number):
            catalogued, model, wish = _work_on(run, log, catalogued, model, results, number, choice)
        if not free_items(
            results.present, log.at(results.records[-1].labelled.position).asked()
        ):  # as it was, in a replay too
            run.reporter.say("Every image has an answer; there is nothing left to ask")
            break
    with part_of(run, "finish", "finish"):
        return finish(run, log, catalogued, model, results)


def _begin(run: Run, log: LabelLog) -> tuple[Catalogued, Model, Results]:
    """The images listed and embedded, and the seed set labelled."""
    catalogued = run.once("catalog", Catalogued, lambda: list_data(run))
    _check_settings(run, catalogued)
    show_images(run, newest_catalog(run, catalogued))
    run.catalogued = catalogued
    encoder = run.once("encoder", EncoderRef, lambda: import_encoder(run))
    encoder = settle_reading(run, catalogued, encoder)
    before_there_was_a_choice = "embed" in run.journal and "precision" not in run.journal
    if run.settings.encoder.leaves_something_open and not before_there_was_a_choice:
        run.computing = run.once("precision", Computing, lambda: choose_computing(run, catalogued, encoder))
    reference = _early_seed_checks(run, catalogued, encoder)
    announce(run)
    draw_early(run, catalogued)
    offer_early(run, log)
    embedded = run.once("embed", Embedded, lambda: embed(run, catalogued, encoder, lambda: count_early(run, log)))
    run.board.quarantined = embedded.quarantined
    run.generations.append(embedded)
    model = run.latest = Model(encoder=encoder, embedded=embedded)
    results = run.results = Results(run, catalogued, embedded, log)
    bound(run, log, "early")
    if run.settings.seed_set.mode != "folder":
        seed_by_labeling(run, log, embedded.generation, results.present, reference)
    end_early(run)
    bound(run, log, "seed")
    return catalogued, model, results


def _work_on(
    run: Run, log: LabelLog, catalogued: Catalogued, model: Model, results: Results, number: int, choice: str
) -> tuple[Catalogued, Model, str]:
    """A round with what comes before and after: new images, and how far the search is. The last result is a wish."""
    catalogued, model, more = take_in(run, catalogued, model, number)
    run.proof, previous = None, None if more else model.scores
    replayed = f"round-{number}/label" in run.journal
    model, record = one_round(run, log, catalogued, model, number, choice)
    run.latest = model
    results.add(record, write=not replayed)
    assess(run, log, model, previous, f"round-{number}", record.labelled.position)
    return catalogued, model, record.labelled.wish


def _choose(
    run: Run, log: LabelLog, catalogued: Catalogued, model: Model, results: Results, number: int, wish: str
) -> tuple[str, Model]:
    """What the next round begins with, once all audits that are wanted before are done; and the newest model."""
    for attempt in count(1):
        step = f"round-{number}/choice" + (f"-{attempt}" if attempt > 1 else "")
        tally(run, log.newest())
        question, standing = _question(run, model, step), _standing(log, results.records)
        going = run.settings.labeling.continuous
        choice = choose(run, question, standing, wish) if going else run.ask(question, standing)
        if no := refusal(run.settings, model.encoder, choice):
            run.reporter.say(no)
            wish = ""
            continue
        if choice not in (AUDIT, PROVE):
            break
        which, until = f"round-{number}/certainty-{attempt}", f"round-{number}/choice-{attempt + 1}"
        with part_of(run, "audit" if choice == AUDIT else "proof", which, until):
            model = certify(run, log, catalogued, model, number, choice, which)
        run.latest, wish = model, ""
    return choice, model


def _question(run: Run, model: Model, step: str) -> Question:
    """Before a round, without what cannot be."""
    question = Question(step, _CHOICE, _CHOICES)
    why = not_offered(run.settings, model.encoder)
    return without(question, FINE_TUNE, _TUNE, why) if why else question


def _check_settings(run: Run, catalogued: Catalogued) -> None:
    """What only the list of images can tell about the settings, told before the long work begins."""
    check_strategy(run)
    size, labeling = run.settings.sampling.size, run.settings.labeling
    if size > catalogued.images and size != SamplingSettings().size:  # the default takes what there is
        raise InvalidInputError(
            f"sampling.size (sample_size) is {size}, but there are only {catalogued.images} images in"
            f" {run.settings.data}; give a smaller number"
        )
    if labeling.simulate:
        with run.open_catalog(catalogued.catalog) as catalog:
            if not any(labeling.pos_class in row.path.rpartition("/")[2] for row in catalog.rows()):
                raise InvalidInputError(
                    f"labeling.pos_class (pos_class) is {labeling.pos_class!r}, which is in none of the {catalogued.images}"
                    f" file names in {run.settings.data}; give a text that names of positive images contain"
                )


def _early_seed_checks(run: Run, catalogued: Catalogued, encoder: EncoderRef) -> list[list[float]] | None:
    """What can be wrong with the seed set is told before the long work of embedding begins."""
    mode = run.settings.seed_set.mode
    if mode == "folder":
        run.once("seed-folder", int, lambda: seed_from_folder(run, catalogued))
    if mode == "neighbours":
        return run.once("reference", list[list[float]], lambda: embed_reference(run, encoder))
    return None


def _standing(log: LabelLog, records: list[RoundRecord]) -> Standing:
    labels = log.newest()
    seeds = labels.count(Answer.POSITIVE, 0)
    return Standing(len(records), [seeds, *(r.labelled.positive for r in records)], len(labels.training()[0]))
