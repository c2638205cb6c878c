"""Audits: what a uniform draw, labelled by people, shows about recall or precision. A step of the loop that may be asked for."""

from __future__ import annotations

from orchestrator.assessing import assess
from orchestrator.clients.certainty import PRECISION, RECALL, AuditRef, Drawn, Judged, Line
from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import ArtifactRef, Pick
from orchestrator.labeling import label
from orchestrator.labels import LabelLog
from orchestrator.model import Catalogued, Model
from orchestrator.questions import AUDIT, TRAIN, Question, Standing
from orchestrator.reviewing import to_review
from orchestrator.rounds import learn
from orchestrator.run import Proof, Run
from orchestrator.selecting import free_items

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
    answers = _answers(run, log, number, drawn, step)
    doubtful = sum(answer != Answer.NEGATIVE for answer in answers)
    run.audit = AuditRef(pool=drawn.pool, drawn=len(answers), positive=doubtful, found=found)
    audit = run.audit
    judged = run.once(f"{step}/judge", Judged, lambda: run.clients.certainty.judge(run.id, RECALL, audit, target))
    run.reporter.invite(_told(judged, answers, drawn))
    assess(run, log, model, None, step, log.newest().position)


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
    line = run.once(
        f"{step}/threshold",
        Line,
        lambda: run.clients.certainty.threshold(run.id, target, model.generation, scores, asked),
    )
    run.reporter.say(line.sentence)
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
    answers = _answers(run, log, number, drawn, step)
    right = sum(answer == Answer.POSITIVE for answer in answers)
    audit = AuditRef(pool=drawn.pool, drawn=len(answers), positive=right, found=0)
    judged = run.once(f"{step}/judge", Judged, lambda: run.clients.certainty.judge(run.id, PRECISION, audit, target))
    run.reporter.invite(_told(judged, answers, drawn))
    if judged.shown:
        run.proof = Proof(model, line.threshold, judged.sentence)
        _review(run, log, scores, number, step)
    else:
        run.reporter.say(f"A precision of {target:.0%} is not shown; label more, or try a lower one")
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


def _answers(run: Run, log: LabelLog, number: int, drawn: Drawn, step: str) -> list[Answer]:
    """The answers to the draw, in its order, up to the first image that nobody has answered.

    A batch may be finished early: the beginning of a draw in random order is a uniform draw, too.
    """
    picks = [Pick(item=item, reason=_REASON, score=float("nan")) for item in drawn.items]
    done = label(run, log, number, picks, step)
    answers = log.at(done.position).answers
    known: list[Answer] = []
    for item in drawn.items:
        if item not in answers:
            break
        known.append(answers[item])
    return known


def _told(judged: Judged, answers: list[Answer], drawn: Drawn) -> str:
    unsure = sum(answer == Answer.UNSURE for answer in answers)
    doubt = f" {unsure} unsure answers count against it." if unsure else ""
    short = (
        f" Only the first {len(answers)} of {len(drawn.items)} were answered."
        if len(answers) < len(drawn.items)
        else ""
    )
    return f"{judged.sentence}{doubt}{short}"
