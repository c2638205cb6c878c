"""The two configuration files of the original, filled in as people have them."""

NESTED = """\
verbose: 1
seed: 100
device: cuda
data_path: "/content/Dataset"
runtime_path: "/content/runtime"
swipe_label_batch_size: 5
model:
  model_type: "SIMCLR"
  model_path: "/content/SIMCLR_SSL_0.ckpt"
  image_size: 256
  embedding_size: 32
  model_config_path: "model_config.yaml"
seed_dataset:
  seed_nn: 1
  ref_img_path: "/content/ref.jpg"
  seed_data_path: "/content/seed"
annoy:
  num_trees: 50
ActiveLabeler:
  sample_size: 20
  sampling_strategy: "gaussian"
  active_label_batch_size: 1
  sampling_nn: 0
  n_closest: 5
  train_dataset_batch_size: 32
test:
  metrics: 1
  pos_class: "airplane"
  metric_csv_path: "metrics_al.csv"
  prob_csv_path: "/content/prob_al.csv"
  simulate_label: True
"""
MODEL_CONFIG = """\
encoder:
  encoder_type: "SimCLR"
  encoder_path: "/content/SIMCLR_SSL_0.ckpt"
  e_embedding_size: 32
  e_lr: 1e-3
  train_encoder: False
classifier:
  classifier_type: "SSLEvaluator"
  c_num_classes: 2
  c_hidden_dim: 128
  c_linear_lr: 1e-1
  c_dropout: 0.1
  c_gamma: 0.1
  c_decay_epochs: [60, 80]
  c_weight_decay: 1e-6
  c_final_lr: 1e-6
  c_momentum: 0.9
  c_scheduler_type: "cosine"
miscellaneous:
  seed: 42
  cpus: 2
  device: cuda
training:
  epochs: 5
"""
