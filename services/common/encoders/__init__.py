"""Encoders: networks that turn an image into an embedding, and the files that they are kept in.

`spec` says what an encoder is, `networks` builds it, `files` keeps it, `preprocess` feeds it.
"""
