"""Audits: what a uniform draw, labelled by people, shows about recall or precision. A step of the loop that may be asked for."""

from __future__ import annotations

from itertools import takewhile

from orchestrator.assessing import assess
from orchestrator.audited import Audited
from orchestrator.clients.certainty import PRECISION, RECALL, AuditRef, Drawn, Judged, Line
from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import ArtifactRef, Pick
from orchestrator.labeling import label
from orchestrator.labels import LabelLog, Labels
from orchestrator.model import Catalogued, Model
from orchestrator.questions import AUDIT, TRAIN, Question, Standing
from orchestrator.reviewing import to_review
from orchestrator.rounds import learn
from orchestrator.run import Proof, Run
from orchestrator.selecting import free_items
from orchestrator.shares import percent

_REASON = "audit"
_NOBODY = Standing(0, [], 0)


def certify(run: Run, log: LabelLog, catalogued: Catalogued, model: Model, number: int, kind: str, step: str) -> Model:
    """An audit of recall, or a proof of precision, before round ``number``; returns the model that was judged."""
    if kind == AUDIT:
        _audit(run, log, model, number, step)
        return model
    return _prove(run, log, catalogued, model, number, step)


def _audit(run: Run, log: LabelLog, model: Model, number: int, step: str) -> None:
    target = _percent(run, step, "What recall shall be shown")
    if not target:
        return
    assert run.results is not None
    before = log.at(run.once(f"{step}/labels", int, lambda: log.newest().position))
    found, free = before.count(Answer.POSITIVE), free_items(run.results.present, before.asked())
    plan, sentence = run.clients.certainty.plan(run.id, target, found, free)
    if f"{step}/count" not in run.journal:
        run.reporter.say(sentence)
    count = _count(run, step, plan, free)
    if not count:
        return
    seed = run.seed(step)
    drawn = run.once(
        f"{step}/draw",
        Drawn,
        lambda: run.clients.certainty.draw(run.id, RECALL, count, seed, model.generation, before.asked()),
    )
    items, labels = _answered(run, log, number, drawn, step)
    run.audit = Audited(drawn.pool, tuple(items), frozenset(before.answers))
    _judge(run, RECALL, run.audit.by(labels), target, drawn, step)
    assess(run, log, model, None, step, labels.position)


def _prove(run: Run, log: LabelLog, catalogued: Catalogued, model: Model, number: int, step: str) -> Model:
    target = _percent(run, step, "What precision of the curated set shall be shown")
    if not target:
        return model
    labels = log.at(run.once(f"{step}/labels", int, lambda: log.newest().position))
    if labels.position > model.position:
        model, _ = learn(run, catalogued, model, labels, number, TRAIN, step)
    if model.scores is None:
        run.reporter.say("There is no head yet whose precision could be shown; label a round first")
        return model
    scores, asked = model.scores, labels.asked()
    found, lowest = labels.count(Answer.POSITIVE), run.settings.final_dataset.threshold

    def choose() -> Line:
        line = run.clients.certainty.threshold(run.id, target, model.generation, scores, asked, found, lowest)
        run.reporter.say(line.sentence)
        return line

    line = run.once(f"{step}/threshold", Line, choose)
    if not line.accepted:
        return model
    count = _count(run, step, line.draws, line.accepted)
    if not count:
        return model
    seed = run.seed(step)
    drawn = run.once(
        f"{step}/draw",
        Drawn,
        lambda: run.clients.certainty.draw(
            run.id, PRECISION, count, seed, model.generation, asked, scores, line.threshold
        ),
    )
    items, answered = _answered(run, log, number, drawn, step)
    audit = Audited(drawn.pool, tuple(items), frozenset(labels.answers)).by(answered)
    judged = _judge(run, PRECISION, audit, target, drawn, step)
    if judged.shown:
        run.proof = Proof(model, line.threshold, judged.sentence)
        _review(run, log, scores, number, step)
    return model


def _review(run: Run, log: LabelLog, scores: ArtifactRef, number: int, step: str) -> None:
    """Offers what lies between the line that is proved and the one without a proof, as much of it as is wanted."""
    assert run.results is not None
    assert run.proof is not None
    lowest, proved = run.settings.final_dataset.threshold, run.proof.threshold
    asked = log.at(run.once(f"{step}/review-labels", int, lambda: log.newest().position)).asked()
    picks = to_review(run.results.load(scores), run.results.present, asked, lowest, proved)
    if not picks:
        return
    text = (
        f"{len(picks)} more images have a probability from {lowest:.3g} to {proved:.3g}: likely positives that no draw has"
        " proved. How many of them shall be looked at, the likeliest first? (0: none)"
    )
    wanted = int(run.ask(Question(f"{step}/review", text, most=len(picks)), _NOBODY))
    if wanted:
        label(run, log, number, picks[:wanted], f"{step}/review")


def _percent(run: Run, step: str, what: str) -> float:
    question = Question(f"{step}/target", f"{what}, in percent? For example 90 (0: go back)", most=99)
    return int(run.ask(question, _NOBODY)) / 100


def _count(run: Run, step: str, wanted: int, most: int) -> int:
    """How many images shall be drawn; with nothing to draw, or nothing that could be shown, 0."""
    if not most or not wanted:
        return 0
    text = f"How many images shall be drawn and labelled? {wanted} when there is no surprise (0: go back)"
    return int(run.ask(Question(f"{step}/count", text, most=most), _NOBODY))


def _answered(run: Run, log: LabelLog, number: int, drawn: Drawn, step: str) -> tuple[list[int], Labels]:
    """The drawn images, in the order of the draw, up to the first that nobody has answered; and the answers.

    A batch may be finished early: the beginning of a draw in random order is a uniform draw, too.
    """
    picks = [Pick(item=item, reason=_REASON, score=float("nan")) for item in drawn.items]
    labels = log.at(label(run, log, number, picks, step).position)
    return list(takewhile(labels.answers.__contains__, drawn.items)), labels


def _judge(run: Run, kind: str, audit: AuditRef, target: float, drawn: Drawn, step: str) -> Judged:
    run.audits[kind] += 1

    def work() -> Judged:
        judged = run.clients.certainty.judge(run.id, kind, audit, target)
        run.reporter.invite(told(judged.sentence, audit, len(drawn.items), run.audits[kind]))
        if kind == PRECISION and not judged.shown:
            run.reporter.say(f"A precision of {percent(target)} is not shown; label more, or try a lower one")
        return judged

    return run.once(f"{step}/judge", Judged, work)


def told(sentence: str, audit: AuditRef, drawn: int, number: int) -> str:
    """What an audit has shown, and what its bound does not say.

    Args:
        sentence: of the sampler.
        audit: as far as it was answered.
        drawn: images that were drawn.
        number: of this audit among those of its kind, from 1.
    """
    parts = [sentence]
    if audit.doubtful:
        parts.append(f"{audit.doubtful} unsure answers count against it.")
    if audit.drawn < drawn:
        parts.append(
            f"Only the first {audit.drawn} of {drawn} were answered: that is as good where the end did not depend on the answers."
        )
    if number > 1:
        parts.append(
            f"It is draw {number} of this kind: each bound holds with this confidence, not all of them together."
        )
    return " ".join(parts)
