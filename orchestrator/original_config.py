"""The original's two configuration files, as they are: `pipeline_config.yaml`, and `model_config.yaml` that it names."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.setting_errors import build
from orchestrator.settings import RunSettings
from orchestrator.yaml_text import read_mapping
from protos.errors import InvalidInputError, NotFoundError

log = logging.getLogger(__name__)

PIPELINE = {
    "verbose": "verbose",
    "seed": "seed",
    "device": "device",
    "data_path": "data",
    "runtime_path": "runtime",
    "swipe_label_batch_size": "labeling.batch_size",
    "model_type": "encoder.family",
    "model_path": "encoder.path",
    "image_size": "encoder.image_size",
    "embedding_size": "encoder.dim",
    "seed_nn": "seed_set.mode",
    "ref_img_path": "seed_set.reference",
    "seed_data_path": "seed_set.folder",
    "num_trees": "index.num_trees",
    "sample_size": "sampling.size",
    "sampling_strategy": "sampling.strategy",
    "sampling_nn": "sampling.neighbours",
    "n_closest": "sampling.n_closest",
    "train_dataset_batch_size": "head.batch_size",
    "metrics": "metrics.enabled",
    "pos_class": "labeling.pos_class",
    "metric_csv_path": "metrics.metric_csv",
    "prob_csv_path": "metrics.prob_csv",
    "simulate_label": "labeling.simulate",
}
MODEL = {
    "e_lr": "fine_tune.encoder_lr",
    "train_encoder": "fine_tune.train_encoder",
    "classifier_type": "head.kind",
    "c_hidden_dim": "head.hidden_dim",
    "c_linear_lr": "head.lr",
    "c_dropout": "head.dropout",
    "c_gamma": "head.gamma",
    "c_decay_epochs": "head.decay_epochs",
    "c_weight_decay": "head.weight_decay",
    "c_final_lr": "head.final_lr",
    "c_momentum": "head.momentum",
    "c_scheduler_type": "head.scheduler",
    "seed": "head.seed",
    "cpus": "threads",
    "epochs": "head.epochs",
}
# The second file says these once more; the first one's count.
SECOND = {
    "encoder_type": "model_type",
    "encoder_path": "model_path",
    "e_embedding_size": "embedding_size",
    "device": "device",
}
WITHOUT_EFFECT = {
    "active_label_batch_size": "images are computed in batches of one fixed size, so that results can be reproduced",
    "c_num_classes": "there are two classes, positive and negative, told apart by one output",
}
SECTIONS = frozenset(
    {"model", "seed_dataset", "annoy", "ActiveLabeler", "test", "encoder", "classifier", "miscellaneous", "training"}
)
KEYS = frozenset({*PIPELINE, *SECTIONS, *WITHOUT_EFFECT, "model_config_path"})  # of the first file
_MANDATORY = {
    "data_path": "the folder with the data set",
    "runtime_path": "the folder for what the run keeps",
    "model_path": "the checkpoint of the encoder",
    "model_config_path": "the path of model_config.yaml",
}
_NOTHING = (None, "", "None")
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class OriginalConfig:
    """What the two files say: values by our dotted names, and for each of these the original's key."""

    values: dict[str, Any] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)


def load_original(pipeline_yaml: Path) -> RunSettings:
    """Settings from the original's configuration files, nested or flat.

    Names that it does not know are logged as warnings, not refused. Relative paths start at the working directory;
    `model_config_path` may start at the folder of the first file as well.

    Raises:
        NotFoundError: when one of the files does not exist.
        InvalidInputError: one sentence for each value that is missing or wrong, under the original's names.
    """
    original = read_original(pipeline_yaml)
    return build(nested(original.values), original.written)


def read_original(pipeline_yaml: Path) -> OriginalConfig:
    """The same before it is checked, so that others may change values first."""
    pipeline = _flat(read_mapping(pipeline_yaml), pipeline_yaml)
    model_path = _model_config(pipeline, pipeline_yaml)
    model = _flat(read_mapping(model_path), model_path) if model_path else {}
    _fill_from_second(pipeline, model)
    missing = [f"{key} is not set; give {what}" for key, what in _MANDATORY.items() if pipeline.get(key) in _NOTHING]
    if missing:
        raise InvalidInputError("\n".join(f"{pipeline_yaml}: {sentence}" for sentence in missing))
    found = OriginalConfig(
        # its own, where it names none
        {
            "head.kind": "SSLEvaluatorOneLayer",
            "sampling.strategy": "gaussian",
            "encoder.precision": "fp32",
            "encoder.backend": "torch",
            "encoder.decode": "exact",
            "encoder.rotation": "stored",
            "labeling.while_embedding": "off",
        }
    )
    _take(found, pipeline, PIPELINE, pipeline_yaml, {*SECOND, "model_config_path"})
    _take(found, model, MODEL, model_path, set(SECOND))
    _translate(found.values)
    return found


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """`{"head.lr": 1}` as `{"head": {"lr": 1}}`."""
    result: dict[str, Any] = {}
    for name, value in dotted.items():
        group, _, key = name.rpartition(".")
        (result.setdefault(group, {}) if group else result)[key] = value
    return result


def _flat(values: Mapping[str, Any], source: Path) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in _leaves(values):
        if key in flat and flat[key] != value:
            raise InvalidInputError(f"{source}: {key} is set to {flat[key]!r} and to {value!r}; keep one of the two")
        flat[key] = value
    return flat


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key in SECTIONS and isinstance(value, Mapping):
            yield from _leaves(value)
        elif key not in SECTIONS or value is not None:
            yield key, value


def _model_config(pipeline: Mapping[str, Any], pipeline_yaml: Path) -> Path | None:
    name = pipeline.get("model_config_path")
    if not name:
        return None
    if not isinstance(name, str):
        raise InvalidInputError(f"{pipeline_yaml}: model_config_path is {name!r}; it must be a path")
    places = [Path(name), pipeline_yaml.parent / name]
    for place in places:
        if os.path.isfile(place):  # noqa: PTH113 - a name that is too long is no file, not an error
            return place
    raise NotFoundError(
        f"model_config_path is {name!r}, but there is no such file in the working directory or beside {pipeline_yaml}"
    )


def _fill_from_second(pipeline: dict[str, Any], model: Mapping[str, Any]) -> None:
    for second, first in SECOND.items():
        here, there = pipeline.get(first), model.get(second)
        if there in _NOTHING:
            continue
        if here in _NOTHING:
            pipeline[first] = there
        elif str(here).lower() != str(there).lower() and first != "device":
            log.warning("%s is %r and %s is %r; the run uses %s", first, here, second, there, first)


def _take(
    found: OriginalConfig, values: Mapping[str, Any], names: Mapping[str, str], source: Path | None, known: set[str]
) -> None:
    for key, value in values.items():
        if key in names:
            found.written[names[key]] = key
            if value not in _NOTHING or key == "c_hidden_dim":
                found.values[names[key]] = value
        elif key in WITHOUT_EFFECT:
            log.info("%s has no effect: %s", key, WITHOUT_EFFECT[key])
        elif key not in known:
            log.warning("%s: %s is no setting of the original; it is left out", source, key)


def _translate(values: dict[str, Any]) -> None:
    """Values that mean the same under another name or shape in ours."""
    if (nearest := values.get("seed_set.mode")) is not None:
        if str(nearest).lower() not in _SWITCH:
            raise InvalidInputError(
                f"seed_nn is {nearest!r}; it takes 1 (neighbours of ref_img_path) or 0 (seed_data_path)"
            )
        values["seed_set.mode"] = "neighbours" if _SWITCH[str(nearest).lower()] else "folder"
    if "head.hidden_dim" in values and values["head.hidden_dim"] in _NOTHING:
        values["head.hidden_dim"] = 0
    if isinstance(epochs := values.get("head.decay_epochs"), str):
        values["head.decay_epochs"] = [epochs]
