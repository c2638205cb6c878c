"""Copies and near-copies: found, kept together, and no head is judged by the twin of what it has learned."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import roc_auc_score

from services.common.encoders.networks import build_network
from services.trainer.folds import folds_of
from services.trainer.logistic_training import fit_logistic
from services.trainer.splits import stratified
from services.trainer.twins import ALIKE, twins

Rows = np.ndarray


def with_copies(count: int, dim: int, seed: int = 0) -> tuple[Rows, Rows]:
    """``count`` directions, the second half near-copies of other lengths of the first half; and whose copy each is."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(count // 2, dim)) + 1.0
    order = rng.permutation(count // 2)
    copies = first[order] * rng.uniform(0.5, 3, (count // 2, 1)) + rng.normal(size=(count // 2, dim)) * 0.01
    return np.concatenate([first, copies]).astype(np.float32), np.concatenate([np.arange(count // 2), order])


@pytest.mark.parametrize(("count", "dim"), [(2, 8), (40, 16), (1200, 64)])
def test_copies_of_any_length_are_in_one_group_and_nobody_else(count: int, dim: int) -> None:
    rows, source = with_copies(count, dim)
    if count == 2:
        rows = np.concatenate([rows, -rows[:1]])
        source = np.append(source, 2)
    assert np.array_equal(twins(rows), source)


@given(st.integers(2, 60), st.integers(1, 8), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_no_pair_is_missed(count: int, dim: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, dim)).astype(np.float32) * np.float32(10.0 ** rng.integers(-15, 15))
    rows[rng.integers(count)] = rows[rng.integers(count)]
    unit = rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    apart = ((unit[:, None] - unit[None]) ** 2).sum(2)
    one, other = np.nonzero(apart < 0.99 * ALIKE * 2 * ((unit - unit.mean(0)) ** 2).sum(1).mean())
    found = twins(rows)
    assert (found[one] == found[other]).all()
    assert (found <= np.arange(count)).all() and np.array_equal(found[found], found)


@pytest.mark.parametrize("architecture", ["hog", "resnet18"])
def test_photographs_that_are_compressed_again_are_twins_and_others_are_not(architecture: str) -> None:
    """Even for a network with random weights, for which any two images have a cosine near 1."""
    rng = np.random.default_rng(3)
    small = [Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)) for _ in range(12)]
    pictures = [image.resize((256, 256), Image.Resampling.BICUBIC) for image in small]
    again = []
    for picture in pictures:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
        again.append(Image.open(file).convert("RGB"))
    pixels = np.stack([np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR)) for image in [*pictures, *again]])
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = build_network(architecture, {"hog": 384, "resnet18": 512}[architecture]).eval()
        rows = network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float()).numpy()
    assert twins(rows).tolist() == [*range(12), *range(12)]


def test_odd_rows() -> None:
    assert twins(np.zeros((0, 4), np.float32)).tolist() == []
    assert twins(np.ones((1, 4), np.float32)).tolist() == [0]
    assert twins(np.ones((300, 4), np.float32)).tolist() == [0] * 300
    assert twins(np.zeros((3, 4), np.float32)).tolist() == [0, 1, 2]


def test_a_head_is_not_judged_by_the_twin_of_what_it_has_learned() -> None:
    """Labels without any meaning, each image twice: were twins apart, every head would seem to know them all."""
    rng = np.random.default_rng(1)
    rows, source = with_copies(400, 256)
    positive = (rng.random(200) < 0.4)[source]
    labels = (np.arange(400, dtype=np.uint64), positive)
    fitted = fit_logistic(rows, labels, 10.0)
    assert fitted.out_of_fold is not None
    assert 0.35 < roc_auc_score(positive, fitted.out_of_fold) < 0.65
    apart = folds_of(*labels)
    assert (apart[:200] != apart[np.argsort(source[200:]) + 200]).any(), "what would have been"


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("count", [24, 60, 800])
def test_folds_and_splits_keep_twins_together(count: int, share: float) -> None:
    rng = np.random.default_rng(count)
    groups = np.arange(count) // 2 * 2
    positive = (rng.random(count // 2) < share)[groups // 2]
    positive[:8], positive[8:16] = True, False
    positive[1] = False  # twins that people see differently
    items = np.sort(rng.choice(10**6, count, replace=False)).astype(np.uint64)
    folds = folds_of(items, positive, groups=groups)
    assert np.array_equal(folds, folds[groups])
    for side in (positive, ~positive):
        assert len(np.unique(folds[side])) >= 2, "no head is without a class"
    held = np.zeros(count, np.bool_)
    held[stratified(items, positive, 0.5, 1, groups).validation] = True
    assert np.array_equal(held, held[groups])
    assert held.any() and not held[:2].any()
    assert held.sum() <= 0.5 * count


def test_a_class_of_one_image_alone_cannot_be_held_out() -> None:
    items, positive = np.arange(20, dtype=np.uint64), np.arange(20) < 6
    groups = np.where(positive, 0, np.arange(20))
    assert len(folds_of(items, positive, groups=groups)) == 0
    assert len(stratified(items, positive, 0.2, 1, groups).validation) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
@settings(max_examples=200, deadline=None)
def test_whatever_is_alike_each_head_has_both_classes(labels: list[tuple[int, bool]]) -> None:
    ids, positive = np.array([one for one, _ in labels]), np.array([yes for _, yes in labels])
    groups = np.array([int(np.flatnonzero(ids == one)[0]) for one in ids.tolist()])
    folds = folds_of(np.arange(len(labels), dtype=np.uint64), positive, groups=groups)
    for fold in np.unique(folds).tolist():
        rest = positive[folds != fold]
        assert rest.any() and not rest.all()
        assert np.array_equal(folds, folds[groups])
