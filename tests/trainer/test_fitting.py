"""The training loop against a plain one, and which epoch it keeps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from services.trainer.chance import seeded
from services.trainer.fitting import CLIP_NORM, Fitting, Group, fit
from services.trainer.heads import EVALUATOR, Head, HeadShape
from services.trainer.labelled import ShuffledBatches
from services.trainer.parameters import Parameters


def problem() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(50, 6, generator=generator)
    return inputs, (inputs[:, 0] > 0.5).float()


def plain_loop(head: nn.Module, parameters: Parameters) -> None:
    inputs, targets = problem()
    batches = ShuffledBatches(inputs, targets, parameters.batch_size, parameters.seed)
    optimizer = torch.optim.SGD(
        head.parameters(), lr=1, momentum=parameters.momentum, weight_decay=parameters.weight_decay
    )
    for epoch in range(parameters.epochs):
        optimizer.param_groups[0]["lr"] = parameters.lr_at(epoch, parameters.lr)
        for batch, truth in batches:
            optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(head(batch), truth).backward()
            nn.utils.clip_grad_norm_(head.parameters(), CLIP_NORM)
            optimizer.step()


def trained(parameters: Parameters, judge: Any = None, dropout: float = 0.0) -> tuple[Head, Fitting]:
    with seeded(1, 1):
        head = Head(HeadShape(EVALUATOR, 6, 8, dropout))
        fitting = Fitting(head, [Group(list(head.parameters()), parameters.lr)], parameters, judge)
        fit(fitting, ShuffledBatches(*problem(), parameters.batch_size, parameters.seed), parameters.epochs)
    return head, fitting


def test_the_job_of_a_cluster_is_not_taken_for_a_training_of_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NTASKS": "4", "JOB_ID": "1", "JOB_NAME": "sweep", "PROCID": "0", "LOCALID": "0"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    _, fitting = trained(Parameters(epochs=1))
    assert fitting.outcome.best_epoch == 1


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(epochs=4, batch_size=16, weight_decay=0.05),
        Parameters(epochs=6, batch_size=50, momentum=0.0, scheduler="step", gamma=0.1, decay_epochs=(2, 4)),
        Parameters(epochs=3, batch_size=7, lr=3.0, final_lr=0.01),
    ],
)
def test_it_is_sgd_with_the_schedule_weight_decay_and_momentum_asked_for(parameters: Parameters) -> None:
    with seeded(1, 1):
        expected = Head(HeadShape(EVALUATOR, 6, 8, 0.0))
        plain_loop(expected, parameters)
    got, fitting = trained(parameters)
    assert fitting.outcome.best_epoch == parameters.epochs
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(got.state_dict()[name], tensor, msg=name)


@pytest.mark.parametrize(
    "other",
    [{"weight_decay": 0.1}, {"momentum": 0.5}, {"lr": 0.02}, {"batch_size": 8}, {"seed": 1}, {"final_lr": 0.05}],
)
def test_every_parameter_counts(other: dict[str, Any]) -> None:
    parameters = Parameters(epochs=3)
    changed = trained(Parameters(**{"epochs": 3, **other}))[0].state_dict()
    same = trained(parameters)[0].state_dict()
    assert any(not torch.equal(changed[name], same[name]) for name in same)


def test_dropout_is_on_in_training_and_off_after_it() -> None:
    with_dropout, _ = trained(Parameters(epochs=3), dropout=0.5)
    without, _ = trained(Parameters(epochs=3))
    assert not torch.equal(with_dropout.layers[1].weight, without.layers[1].weight)
    inputs, _ = problem()
    assert torch.equal(with_dropout(inputs), with_dropout(inputs))


def test_dropout_comes_back_after_an_epoch_is_judged() -> None:
    inputs, targets = problem()
    modes: list[bool] = []
    with seeded(1, 1):
        head = Head(HeadShape(EVALUATOR, 6, 8, 0.5))
        head.register_forward_hook(lambda module, *_: modes.append(module.training))
        fitting = Fitting(head, [Group(list(head.parameters()), 0.1)], Parameters(), lambda: (head(inputs), targets))
        fit(fitting, ShuffledBatches(inputs, targets, 50, 0), 3)
    assert modes == [True, False] * 3


def test_the_epoch_with_the_lowest_loss_is_kept() -> None:
    """The validation says that the second epoch is best, then worse."""
    offsets = iter([1.0, 5.0, 2.0, 3.0])
    snapshots: list[torch.Tensor] = []

    def judge() -> tuple[torch.Tensor, torch.Tensor]:
        snapshots.append(head.layers[1].weight.detach().clone())
        return torch.full((4,), next(offsets)), torch.ones(4)

    with seeded(1, 1):
        head = Head(HeadShape(EVALUATOR, 6, 8, 0.0))
        fitting = Fitting(head, [Group(list(head.parameters()), 0.1)], Parameters(epochs=4), judge)
        outcome = fit(fitting, ShuffledBatches(*problem(), 16, 0), 4)
    assert outcome.best_epoch == 2
    assert outcome.quality.recall == 1
    assert torch.equal(head.layers[1].weight, snapshots[1])
    assert not torch.equal(snapshots[1], snapshots[3])


def test_the_last_epoch_is_kept_where_nothing_validates() -> None:
    assert trained(Parameters(epochs=7))[1].outcome.best_epoch == 7


def test_losses_that_are_no_numbers_end_it_without_an_epoch() -> None:
    inputs, targets = problem()
    with seeded(1, 1):
        head = Head(HeadShape(EVALUATOR, 6, 8, 0.0))
        fitting = Fitting(head, [Group(list(head.parameters()), 0.1)], Parameters(), None)
        outcome = fit(fitting, ShuffledBatches(inputs * float("nan"), targets, 16, 0), 5)
    assert outcome.best_epoch == 0
    assert fitting.current_epoch < 5


def test_the_generator_of_the_process_is_left_as_it_was() -> None:
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    trained(Parameters(epochs=2), dropout=0.5)
    assert torch.equal(torch.random.get_rng_state(), before)
