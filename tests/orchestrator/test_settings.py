"""Settings: defaults, kinds of values, and one sentence for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from orchestrator.setting_errors import build
from orchestrator.setting_types import STRATEGIES
from orchestrator.settings import RunSettings
from protos.errors import InvalidInputError


def problems(**values: Any) -> list[str]:
    with pytest.raises(InvalidInputError) as caught:
        build(values)
    return str(caught.value).split("\n")


def test_data_alone_is_enough() -> None:
    settings = build({"data": "images"})
    assert settings.data == Path("images")
    assert (settings.sampling.size, settings.index.num_trees, settings.labeling.port) == (20, 50, 5000)
    assert settings.seed_set.mode == "none"


def test_every_setting_has_a_description_and_a_default() -> None:
    groups = [field.annotation for field in RunSettings.model_fields.values()]
    models = [RunSettings, *(kind for kind in groups if isinstance(kind, type) and issubclass(kind, BaseModel))]
    assert len(models) > 8
    for model in models:
        for name, field in model.model_fields.items():
            section = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
            assert section or len(field.description or "") > 5, f"{model.__name__}.{name}"
            assert name == "data" or not field.is_required(), f"{model.__name__}.{name}"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        build({"data": "x"}).sampling.size = 3  # type: ignore[misc]


def test_the_mode_of_the_seed_set_follows_from_what_is_given() -> None:
    assert build({"data": "x", "seed_set": {"reference": "a.png"}}).seed_set.mode == "neighbours"
    assert build({"data": "x", "seed_set": {"folder": "seeds"}}).seed_set.mode == "folder"
    both = {"reference": "a.png", "folder": "seeds", "mode": "Folder"}
    assert build({"data": "x", "seed_set": both}).seed_set.mode == "folder"


def test_numbers_and_switches_may_be_text() -> None:
    settings = build(
        {
            "data": "x",
            "verbose": "0",
            "head": {"lr": "1e-2", "decay_epochs": ["60", "80"]},
            "labeling": {"pos_class": 7},
            "device": " CUDA:0 ",
            "sampling": {"neighbours": "True", "strategy": "Guassian"},
        }
    )
    assert settings.head.lr == 0.01
    assert settings.head.decay_epochs == (60, 80)
    assert not settings.verbose
    assert settings.sampling.neighbours
    assert (settings.sampling.strategy, settings.device, settings.labeling.pos_class) == ("gaussian", "cuda:0", "7")


@pytest.mark.parametrize("name", STRATEGIES)
def test_all_strategies_are_taken(name: str) -> None:
    assert build({"data": "x", "sampling": {"strategy": name}}).sampling.strategy == name


def test_head_seed_and_epochs_fall_back() -> None:
    settings = build({"data": "x", "seed": 5, "head": {"epochs": 7}})
    assert (settings.head_seed, settings.fine_tune_epochs) == (5, 7)
    own = build({"data": "x", "seed": 5, "head": {"seed": 0}, "fine_tune": {"epochs": 2}})
    assert (own.head_seed, own.fine_tune_epochs) == (0, 2)


@pytest.mark.parametrize("path", ["images", "ünïcode\n'\"", "bad-\udcff", "-rf", "x" * 300])
def test_json_round_trip(path: str) -> None:
    settings = build({"data": path, "seed_set": {"reference": path}})
    text = settings.to_json()
    assert text.isascii()
    assert build(json.loads(text)) == settings


def test_a_home_folder_is_expanded_and_an_unknown_one_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert build({"data": "~/images"}).data == Path("/home/someone/images")
    assert build({"data": "~no-such-user/images"}).data == Path("~no-such-user/images")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"data": None}, "data is None; it must be a path"),
    ({"data": ""}, "data is ''; a path cannot be empty; write . for the working directory"),
    ({"data": "a\0b"}, "data is 'a\\x00b'; a path cannot hold a null character"),
    ({"seed": -1}, "seed is -1; it must be at least 0"),
    ({"device": "tpu"}, "device is 'tpu'; it takes auto, cpu, cuda or cuda:0 (the number of a GPU)"),
    ({"verbose": "maybe"}, "verbose is 'maybe'; it must be yes or no (true/false, 1/0)"),
    ({"name": "\udcff"}, "name is '\\udcff'; it must be valid UTF-8 text"),
    ({"encoder": 3}, "encoder is 3; it must be a group of settings, each on a line of its own below it"),
    (
        {"encoder": {"path": "a.ckpt", "model": "facebook/dinov2-small"}},
        "encoder.path is 'a.ckpt' and encoder.model is 'facebook/dinov2-small'; give the one that you want to use",
    ),
    (
        {"encoder": {"family": "byol"}},
        "encoder.family is 'byol'; it takes simclr or simsiam",
    ),
    (
        {"sampling": {"strategy": "uncertainity"}},
        "sampling.strategy is 'uncertainity'; it takes hybrid, positive, uncertainty, gaussian, random,"
        " uncertainty_balanced, galaxy, bald, badge, typiclust, maxherding, coreset, dropquery, or the dotted name of a"
        " strategy of yours"
        " (did you mean uncertainty?)",
    ),
    ({"sampling": {"size": 0}}, "sampling.size is 0; it must be at least 1"),
    ({"sampling": {"size": 2.5}}, "sampling.size is 2.5; it must be a whole number"),
    ({"sampling": {"size": "many"}}, "sampling.size is 'many'; it must be a whole number"),
    ({"sampling": {"n_closest": 0}}, "sampling.n_closest is 0; it must be at least 1"),
    ({"sampling": {"sise": 3}}, "sampling.sise is no setting; did you mean sampling.size?"),
    ({"index": {"metric": "dot"}}, "index.metric is 'dot'; it takes euclidean or angular"),
    ({"index": {"num_trees": 0}}, "index.num_trees is 0; it must be at least 1"),
    ({"labeling": {"port": 70000}}, "labeling.port is 70000; it must be at most 65535"),
    ({"labeling": {"host": ""}}, "labeling.host is ''; it must be at least one character long"),
    ({"labeling": {"batch_size": 0}}, "labeling.batch_size is 0; it must be at least 1"),
    (
        {"labeling": {"pos_class": True}},
        "labeling.pos_class is True; it must be text (in quotes, where it looks like something else)",
    ),
    (
        {"labeling": {"simulate": True}},
        "labeling.simulate is on, but labeling.pos_class is not set;"
        " give the text that the file names of positive images contain",
    ),
    ({"head": {"lr": "fast"}}, "head.lr is 'fast'; it must be a number"),
    ({"head": {"lr": 0}}, "head.lr is 0; it must be more than 0"),
    ({"head": {"momentum": float("nan")}}, "head.momentum is nan; it must be a finite number"),
    ({"head": {"dropout": 1}}, "head.dropout is 1; it must be less than 1"),
    ({"head": {"decay_epochs": 5}}, "head.decay_epochs is 5; it must be a list, such as [60, 80]"),
    ({"head": {"decay_epochs": [1, "x"]}}, "head.decay_epochs is 'x'; it must be a whole number"),
    ({"head": {"kind": "MLP"}}, "head.kind is 'MLP'; it takes logistic, SSLEvaluator or SSLEvaluatorOneLayer"),
    (
        {"head": {"kind": "SSLEvaluator", "hidden_dim": 3}},
        "head.hidden_dim is 3, of which the third layer of head.kind 'SSLEvaluator' is a quarter;"
        " give at least 4, or 0 for a linear head",
    ),
    (
        {"seed_set": {"mode": "neighbours"}},
        "seed_set.mode wants neighbours of an image, but seed_set.reference is not set;"
        " give an image of what you look for, or a phrase",
    ),
    (
        {"seed_set": {"mode": "folder"}},
        "seed_set.mode wants a folder of labelled images, but seed_set.folder is not set;"
        " give the folder with positive/ and negative/",
    ),
    (
        {"seed_set": {"reference": "a", "folder": "b"}},
        "seed_set.reference is 'a' and seed_set.folder is 'b'; say which to use with seed_set.mode: neighbours or folder",
    ),
    ({"seed_set": {"count": 0}}, "seed_set.count is 0; it must be at least 1"),
    (
        {"metrics": {"metric_csv": "a.csv", "prob_csv": "./a.csv"}},
        "metrics.metric_csv and metrics.prob_csv are both 'a.csv'; give two different files",
    ),
    ({"lr": 1}, "lr is no setting; did you mean head.lr?"),
    ({"dta": "x"}, "dta is no setting; did you mean data?"),
]


@pytest.mark.parametrize(("values", "sentence"), BAD, ids=lambda value: str(value)[:40])
def test_each_mistake_gets_one_sentence(values: dict[str, Any], sentence: str) -> None:
    assert problems(**{"data": "images", **values}) == [sentence]


def test_several_mistakes_get_several_sentences() -> None:
    assert len(problems(seed=-1, threads=-1)) == 3  # and no data


def test_missing_data_says_what_to_give() -> None:
    assert problems() == [
        "data is not set; give the folder with the images, nested or flat;"
        " where it contains `Unlabeled/`, only the images in there. Or a list of files (CSV, JSON lines, Parquet, text), or a URL"
        " that fsspec knows, for example `s3://bucket/folder`"
    ]


def test_long_values_are_cut_short() -> None:
    (sentence,) = problems(data="x", name="y" * 5000)
    assert len(sentence) < 200


def test_sentences_use_the_names_that_the_user_wrote() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^seed_nn wants neighbours of an image, but ref_img_path is not set; give an image"
    ):
        build(
            {"data": "x", "seed_set": {"mode": "neighbours"}},
            {"seed_set.mode": "seed_nn", "seed_set.reference": "ref_img_path"},
        )
