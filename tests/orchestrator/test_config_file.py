"""The configuration file of our own: reading, overriding, saving, and broken YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config_file import load, save
from orchestrator.setting_errors import build
from protos.errors import InvalidInputError, NotFoundError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "run.yaml"


def test_no_file_at_all() -> None:
    settings = load(None, {"data": "images", "seed_set.reference": "a.png", "head.lr": None})
    assert (settings.data, settings.seed_set.mode, settings.head.lr) == (Path("images"), "neighbours", 0.05)


def test_reads_ours(config: Path) -> None:
    config.write_text(
        "data: images\nseed: 1_0\nquestion:\nhead: {lr: 1e-2, decay_epochs: [60, 80]}\nlabeling:\n  pos_class: no\n  port: 0\n"
        "auto: {enabled: yes, rounds: 3}\nencoder:\n"
    )
    settings = load(config)
    assert (settings.head.lr, settings.head.decay_epochs, settings.labeling.port) == (0.01, (60, 80), 0)
    assert settings.labeling.pos_class == "no"  # a class may be called so
    assert settings.auto.enabled
    assert settings.question == ""


@pytest.mark.parametrize("name", ["007", "no", "2021-01-01", "null_class", "'null'", "1e3", '"~"'])
def test_text_stays_as_it_was_written(config: Path, name: str) -> None:
    config.write_text(f"data: x\nlabeling: {{pos_class: {name}}}\n")
    assert load(config).labeling.pos_class == name.strip("'\"")


def test_the_command_line_wins(config: Path) -> None:
    config.write_text("data: images\nsampling: {size: 5, strategy: random}\n")
    settings = load(config, {"sampling.size": "7", "auto.rounds": 2})
    assert (settings.sampling.size, settings.sampling.strategy, settings.auto.rounds) == (7, "random", 2)


def test_a_wrong_override_is_named(config: Path) -> None:
    config.write_text("data: images\n")
    with pytest.raises(InvalidInputError, match=r"^sampling\.size is '-3'; it must be at least 1$"):
        load(config, {"sampling.size": "-3"})


@pytest.mark.parametrize(
    "path", ["images", "a\nb", 'it\'s "quoted"', "non-utf8-\udcff", "-rf", "~", "é" * 90, "null", "1"]
)
def test_saving_and_loading_gives_the_same(tmp_path: Path, path: str) -> None:
    text = path.replace("\udcff", "?")  # only paths may be no UTF-8
    settings = build(
        {
            "data": Path(path),
            "name": text,
            "labeling": {"pos_class": text, "simulate": True},
            "head": {"lr": 1e-7, "decay_epochs": [1, 2], "seed": 3},
            "seed_set": {"mode": "folder", "folder": Path(path), "reference": Path("r")},
        }
    )
    if path == "~":
        settings = settings.model_copy(update={"data": Path("d"), "seed_set": build({"data": "d"}).seed_set})
    save(settings, tmp_path / "new" / "run.yaml")
    assert load(tmp_path / "new" / "run.yaml") == settings
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["run.yaml"]


BROKEN = [
    ("data: [a\nb: c\n", r"line 2: this is no YAML \("),
    ("data: x\n\tb: c\n", r"line 2: this is no YAML"),
    ("data: x\nhead:\n lr: 1\n  epochs: 2\n", r"line 4: this is no YAML|line 3: this is no YAML"),
    ("data: x\nseed: 1\ndata: y\n", r"line 3: 'data' stands here a second time; keep one of the two"),
    ("data: x\nhead:\n  lr: 1\n  lr: 2\n", r"line 4: 'lr' stands here a second time"),
    ("data: !!python/object/apply:os.system ['true']\n", r"line 1: the tag .* is not taken"),
    ("data: !secret x\n", r"line 1: the tag '!secret' is not taken"),
    ("data: &a x\nname: *a\n", r"line 2: \*a is an alias; write the value out"),
    ("", "is empty"),
    ("# only words\n", "is empty"),
    ("- a\n- b\n", "holds no settings"),
    ("just words\n", "holds no settings"),
    ("[1, 2]: x\n", "line 1: the name of a setting must be a word"),
    ("data: x\n---\ndata: y\n", "no YAML"),
    ("data: \x01\n", "no YAML text"),
    ("[" * 5000, "no YAML|too deep"),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=lambda value: value[:30])
def test_broken_yaml_gets_one_sentence(config: Path, text: str, sentence: str) -> None:
    config.write_text(text)
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        load(config)
    assert "\n" not in str(caught.value)
    assert str(config) in str(caught.value)


def test_other_files_that_are_no_configuration(config: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"run\.yaml does not exist"):
        load(config)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load(tmp_path)
    config.write_bytes(b"data: x\nname: \xff\xfe\n")
    with pytest.raises(InvalidInputError, match="line 2: this is no UTF-8"):
        load(config)
    config.write_bytes(b"#" * 2_000_000)
    with pytest.raises(InvalidInputError, match="larger than"):
        load(config)


def test_a_byte_order_mark_is_no_harm(config: Path) -> None:
    config.write_bytes(b"\xef\xbb\xbfdata: x\r\nseed: 3\r\n")
    assert load(config).seed == 3


def test_an_unknown_name_gets_a_suggestion(config: Path) -> None:
    config.write_text("data: x\nsampling: {stratgy: random}\n")
    with pytest.raises(InvalidInputError, match=r"did you mean sampling\.strategy"):
        load(config)


def test_a_stray_name_of_the_original_does_not_turn_the_file_into_one_of_its(config: Path) -> None:
    config.write_text("data: x\nsampling: {size: 3}\ndata_path: y\n")
    with pytest.raises(InvalidInputError, match="data_path is no setting"):
        load(config)
