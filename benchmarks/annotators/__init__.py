"""A hundred scripted annotators against one labeler that is killed again and again: ``python -m benchmarks.annotators``."""
