"""The loop of a run as the page may see it: through the orchestrator's control service, and only that."""

from __future__ import annotations

from typing import Any

import grpc

from protos import control_pb2, control_pb2_grpc, rpc
from protos.errors import NotFoundError

_PATIENCE_S = 5.0


class Loop:
    """Where runs stand, and what they ask.

    Args:
        control: address of the control service; None where there is none.
        tls: of the connection.
    """

    def __init__(self, control: str | None, tls: rpc.Tls | None = None) -> None:
        self._channel: grpc.Channel | None = rpc.connect(control, timeout_s=_PATIENCE_S, tls=tls) if control else None

    def close(self) -> None:
        """Hangs up."""
        if self._channel is not None:
            self._channel.close()

    def status(self, run: str) -> dict[str, Any]:
        """Where a run stands: state, round, counts, and the question that waits for an answer, if there is one.

        Raises:
            NotFoundError: when nobody works on the run.
            UnavailableError: when the orchestrator does not answer.
        """
        status = self._stub().GetRun(control_pb2.GetRunRequest(run=run))
        question = status.question
        asked = {
            "id": question.id,
            "text": question.text,
            "choices": list(question.choices),
            "optional": question.optional,
        }
        return {
            "run": run,
            "state": status.state,
            "round": status.round,
            "step": status.step,
            "images": status.images,
            "quarantined": status.quarantined,
            "labels": status.labels,
            "positives": status.positives,
            "question": asked if status.HasField("question") else None,
        }

    def answer(self, run: str, question: str, answer: str) -> bool:
        """Answers the open question; False when somebody was faster.

        Raises:
            InvalidInputError: when the question does not take this answer.
        """
        request = control_pb2.AnswerQuestionRequest(run=run, question=question, answer=answer)
        return bool(self._stub().AnswerQuestion(request).accepted)

    def _stub(self) -> Any:
        if self._channel is None:
            raise NotFoundError(
                "this labeler knows no orchestrator; set ACTIVE_LABELER_CONTROL to the address of its control service"
            )
        return control_pb2_grpc.ControlStub(self._channel)
