"""Self-supervised pre-training: images without labels to an encoder."""
