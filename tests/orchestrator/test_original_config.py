"""The original's two configuration files, as people have them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from orchestrator.config_file import load
from orchestrator.original_config import MODEL, PIPELINE, load_original
from protos.errors import InvalidInputError, NotFoundError
from tests.support.original_files import MODEL_CONFIG, NESTED


def flat(text: str) -> str:
    """The same without nesting, as the original's README shows it."""
    return "\n".join(line.strip() for line in text.splitlines() if not line.rstrip().endswith(":"))


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    (tmp_path / "model_config.yaml").write_text(MODEL_CONFIG)
    (tmp_path / "pipeline_config.yaml").write_text(NESTED)
    return tmp_path / "pipeline_config.yaml"


def change(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_every_value_arrives(pipeline: Path) -> None:
    settings = load_original(pipeline)
    assert (settings.verbose, settings.seed, settings.device, settings.threads) == (True, 100, "cuda", 2)
    assert (settings.data, settings.runtime) == (Path("/content/Dataset"), Path("/content/runtime"))
    assert settings.output == Path()
    assert settings.encoder.model_dump(exclude_defaults=True) == {
        "path": Path("/content/SIMCLR_SSL_0.ckpt"),
        "family": "simclr",
        "image_size": 256,
        "dim": 32,
        "precision": "fp32",
        "backend": "torch",
        "decode": "exact",
        "rotation": "stored",
    }
    assert (settings.seed_set.mode, settings.seed_set.reference) == ("neighbours", Path("/content/ref.jpg"))
    assert settings.labeling.while_embedding == "off"
    assert (settings.seed_set.folder, settings.seed_set.count) == (Path("/content/seed"), None)
    assert (settings.index.num_trees, settings.index.metric) == (50, "euclidean")
    told = {"strategy": "gaussian", "size": 20, "neighbours": False, "n_closest": 5}
    assert {name: getattr(settings.sampling, name) for name in told} == told
    assert (settings.labeling.batch_size, settings.labeling.port) == (5, 5000)
    assert (settings.labeling.simulate, settings.labeling.pos_class) == (True, "airplane")
    assert settings.head.model_dump() == {
        "kind": "SSLEvaluator",
        "c": 10.0,
        "hidden_dim": 128,
        "lr": 0.1,
        "dropout": 0.1,
        "scheduler": "cosine",
        "final_lr": 1e-6,
        "gamma": 0.1,
        "decay_epochs": (60, 80),
        "weight_decay": 1e-6,
        "momentum": 0.9,
        "epochs": 5,
        "batch_size": 32,
        "validation_share": 0.2,
        "seed": 42,
    }
    assert settings.fine_tune.model_dump() == {"encoder_lr": 1e-3, "train_encoder": False, "epochs": None}
    assert settings.metrics.enabled
    assert (settings.metrics.metric_csv, settings.metrics.prob_csv) == (
        Path("metrics_al.csv"),
        Path("/content/prob_al.csv"),
    )


def test_every_key_is_exercised_above() -> None:
    for key in PIPELINE:
        assert f"{key}:" in NESTED
    for key in MODEL:
        assert f"{key}:" in MODEL_CONFIG


def test_flat_files_say_the_same(pipeline: Path) -> None:
    calm = load_original(pipeline)
    pipeline.write_text(flat(NESTED))
    pipeline.with_name("model_config.yaml").write_text(flat(MODEL_CONFIG))
    assert load_original(pipeline) == calm


def test_load_recognises_both_forms(pipeline: Path) -> None:
    calm = load_original(pipeline)
    assert load(pipeline) == calm
    pipeline.write_text(flat(NESTED))
    assert load(pipeline, {"sampling.size": 7}).sampling.size == 7


def test_nothing_is_warned_about_in_files_as_they_are(pipeline: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_original(pipeline)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("word", "on"), [("1", True), ("0", False), ("True", True), ("False", False), ("yes", True), ("off", False)]
)
def test_switches_as_people_write_them(pipeline: Path, word: str, on: bool) -> None:
    for key, now in [
        ("verbose", "1"),
        ("metrics", "1"),
        ("simulate_label", "True"),
        ("sampling_nn", "0"),
        ("seed_nn", "1"),
    ]:
        change(pipeline, f"{key}: {now}", f"{key}: {word}")
    settings = load_original(pipeline)
    assert [settings.verbose, settings.metrics.enabled, settings.labeling.simulate, settings.sampling.neighbours] == [
        on
    ] * 4
    assert settings.seed_set.mode == ("neighbours" if on else "folder")


@pytest.mark.parametrize("word", ["simclr", "SIMCLR", "SimCLR"])
def test_model_types_in_any_case(pipeline: Path, word: str) -> None:
    change(pipeline, '"SIMCLR"', word)
    assert load_original(pipeline).encoder.family == "simclr"


def test_simsiam_and_the_misspelt_strategy(pipeline: Path) -> None:
    change(pipeline, '"SIMCLR"', "SimSiam")
    change(pipeline, '"gaussian"', "guassian")
    settings = load_original(pipeline)
    assert (settings.encoder.family, settings.sampling.strategy) == ("simsiam", "gaussian")


@pytest.mark.parametrize("nothing", ["", "null", "None", "0"])
def test_no_hidden_dimension_is_a_linear_head(pipeline: Path, nothing: str) -> None:
    change(pipeline.with_name("model_config.yaml"), "c_hidden_dim: 128", f"c_hidden_dim: {nothing}")
    assert load_original(pipeline).head.hidden_dim == 0


@pytest.mark.parametrize(("text", "epochs"), [("60", (60,)), ("[7]", (7,)), ("", ()), ("[]", ()), ("['1', 2]", (1, 2))])
def test_decay_epochs_as_list_or_number(pipeline: Path, text: str, epochs: tuple[int, ...]) -> None:
    change(pipeline.with_name("model_config.yaml"), "[60, 80]", text)
    assert load_original(pipeline).head.decay_epochs == epochs


def test_the_first_file_wins_and_says_so(pipeline: Path, caplog: pytest.LogCaptureFixture) -> None:
    second = pipeline.with_name("model_config.yaml")
    change(second, "e_embedding_size: 32", "e_embedding_size: 512")
    change(second, 'encoder_type: "SimCLR"', "encoder_type: SIMSIAM")
    change(second, "SIMCLR_SSL_0", "other")
    settings = load_original(pipeline)
    assert (settings.encoder.dim, settings.encoder.family) == (32, "simclr")
    assert settings.encoder.path == Path("/content/SIMCLR_SSL_0.ckpt")
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "model_type is 'SIMCLR' and encoder_type is 'SIMSIAM'; the run uses model_type",
        "model_path is '/content/SIMCLR_SSL_0.ckpt' and encoder_path is '/content/other.ckpt'; the run uses model_path",
        "embedding_size is '32' and e_embedding_size is '512'; the run uses embedding_size",
    ]


def test_the_second_file_fills_what_the_first_leaves_out(pipeline: Path) -> None:
    for line in [
        '  model_type: "SIMCLR"\n',
        '  model_path: "/content/SIMCLR_SSL_0.ckpt"\n',
        "  embedding_size: 32\n",
        "device: cuda\n",
    ]:
        change(pipeline, line, "")
    settings = load_original(pipeline)
    assert (settings.encoder.family, settings.encoder.dim, settings.device) == ("simclr", 32, "cuda")
    assert settings.encoder.path == Path("/content/SIMCLR_SSL_0.ckpt")


def test_unknown_names_are_a_warning(pipeline: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipeline.write_text(NESTED + "wandb_project: x\n")
    load_original(pipeline)
    assert "wandb_project is no setting of the original; it is left out" in caplog.text


@pytest.mark.parametrize("key", ["data_path", "runtime_path", "model_config_path"])
def test_mandatory_names(pipeline: Path, key: str) -> None:
    lines = [line for line in NESTED.splitlines() if not line.strip().startswith(f"{key}:")]
    pipeline.write_text("\n".join(lines))
    with pytest.raises(InvalidInputError, match=f"^[^\n]*: {key} is not set; give [^\n]*$"):
        load_original(pipeline)


def test_an_encoder_is_mandatory_in_one_of_the_files(pipeline: Path) -> None:
    change(pipeline, '  model_path: "/content/SIMCLR_SSL_0.ckpt"\n', "")
    change(pipeline.with_name("model_config.yaml"), '  encoder_path: "/content/SIMCLR_SSL_0.ckpt"\n', "")
    with pytest.raises(InvalidInputError, match="model_path is not set; give the checkpoint"):
        load_original(pipeline)


def test_the_second_file_beside_the_first_in_the_working_directory_or_anywhere(
    pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (away / "model_config.yaml").write_text(MODEL_CONFIG.replace("epochs: 5", "epochs: 6"))
    assert load_original(pipeline).head.epochs == 5  # beside the first file
    monkeypatch.chdir(away)
    assert load_original(pipeline).head.epochs == 6  # where the original looks
    change(pipeline, '"model_config.yaml"', str(tmp_path / "model_config.yaml"))
    assert load_original(pipeline).head.epochs == 5
    change(pipeline, str(tmp_path / "model_config.yaml"), "elsewhere.yaml")
    with pytest.raises(NotFoundError, match=r"model_config_path is 'elsewhere\.yaml', but there is no such file"):
        load_original(pipeline)


MISTAKES = [
    ("seed_nn: 1", "seed_nn: 2", r"seed_nn is '2'; it takes 1 \(neighbours of ref_img_path\) or 0"),
    (
        'ref_img_path: "/content/ref.jpg"',
        'ref_img_path: ""',
        "seed_nn wants neighbours of an image, but ref_img_path is not set",
    ),
    ('"airplane"', '""', "simulate_label is on, but pos_class is not set"),
    ('"gaussian"', "margins", "sampling_strategy is 'margins'; it takes hybrid, positive, uncertainty"),
    ("sample_size: 20", "sample_size: 0", "sample_size is '0'; it must be at least 1"),
    ("device: cuda", "device: gpu", "device is 'gpu'; it takes auto, cpu"),
    ('"SIMCLR"', "BYOL", "model_type is 'byol'; it takes simclr or simsiam"),
    (
        "  sample_size: 20",
        "  sample_size: 20\n  data_path: b",
        "data_path is set to '/content/Dataset' and to 'b'; keep one",
    ),
    ('"model_config.yaml"', "x" * 300, "but there is no such file"),
    ('"model_config.yaml"', "[a]", r"model_config_path is \['a'\]; it must be a path"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), MISTAKES)
def test_mistakes_are_told_under_the_names_of_the_original(pipeline: Path, old: str, new: str, sentence: str) -> None:
    change(pipeline, old, new)
    with pytest.raises((InvalidInputError, NotFoundError), match=sentence) as caught:
        load_original(pipeline)
    assert "\n" not in str(caught.value)


def test_an_override_is_told_under_its_own_name(pipeline: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^sampling\.size is '0'"):
        load(pipeline, {"sampling.size": "0"})


def test_leftover_paths_of_the_other_mode_do_no_harm(pipeline: Path) -> None:
    change(pipeline, "seed_nn: 1", "seed_nn: 0")
    assert load_original(pipeline).seed_set.mode == "folder"
    change(pipeline, 'seed_data_path: "/content/seed"', "seed_data_path:")
    with pytest.raises(
        InvalidInputError, match="seed_nn wants a folder of labelled images, but seed_data_path is not set"
    ):
        load_original(pipeline)
