"""The curated data set in the formats of other programs: one module each, a snapshot of the run in, files out.

Every file is whole or not there. Paths are relative to the data root, and every text is UTF-8: see `names_as_text`.
"""
