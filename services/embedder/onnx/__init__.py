"""ONNX files as encoders.

`preparing` says how images are fed to one, `trial` tries it in a process of its own, `trying` starts that, `reading` makes the
encoder.
"""
