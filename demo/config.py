"""The original's two configuration files for the demo; with another folder and another checkpoint they fit your own images."""

from __future__ import annotations

from pathlib import Path

from demo.encoder import DIM, SIDE

_PIPELINE = """\
verbose: 1
seed: 0
device: auto
data_path: {data}
runtime_path: {run}/runtime
swipe_label_batch_size: 20
model:
  model_type: SIMCLR
  model_path: {checkpoint}
  image_size: {side}
  embedding_size: {dim}
  model_config_path: {run}/model_config.yaml
seed_dataset:
  seed_nn: 1
  ref_img_path: {reference}
  seed_data_path:
annoy:
  num_trees: 50
ActiveLabeler:
  sample_size: 20
  sampling_strategy: uncertainty
  active_label_batch_size: 20
  sampling_nn: 0
  n_closest: 5
  train_dataset_batch_size: 32
test:
  metrics: 1
  pos_class: {pos_class}
  metric_csv_path: {run}/metrics.csv
  prob_csv_path: {run}/probabilities.csv
  simulate_label: {simulate}
"""

_MODEL = """\
encoder:
  encoder_type: SIMCLR
  encoder_path: {checkpoint}
  e_embedding_size: {dim}
  e_lr: 1e-3
  train_encoder: True
classifier:
  classifier_type: SSLEvaluatorOneLayer
  c_num_classes: 2
  c_hidden_dim: 64
  c_linear_lr: 5e-2
  c_dropout: 0.1
  c_gamma: 0.1
  c_decay_epochs: [30]
  c_weight_decay: 1e-5
  c_final_lr: 1e-4
  c_momentum: 0.9
  c_scheduler_type: cosine
miscellaneous:
  seed: 0
  cpus: 1
  device: auto
training:
  epochs: 50
"""


def write_config(run: Path, *, data: Path, checkpoint: Path, reference: Path, pos_class: str, simulate: bool) -> Path:
    """Writes ``pipeline_config.yaml`` and ``model_config.yaml`` into ``run`` and returns the path of the first.

    Args:
        run: folder of this run; made when it is missing.
        data: folder that holds ``Unlabeled/``.
        checkpoint: of the encoder.
        reference: an image of what is looked for.
        pos_class: text in the file names of what is looked for.
        simulate: whether file names answer instead of a person.
    """
    run.mkdir(parents=True, exist_ok=True)
    values = {
        "run": run,
        "data": data,
        "checkpoint": checkpoint,
        "reference": reference,
        "pos_class": pos_class,
        "simulate": simulate,
        "side": SIDE,
        "dim": DIM,
    }
    (run / "model_config.yaml").write_text(_MODEL.format(**values), encoding="utf-8")
    pipeline = run / "pipeline_config.yaml"
    pipeline.write_text(_PIPELINE.format(**values), encoding="utf-8")
    return pipeline
