"""Checkpoints of others: read without running anything that they contain.

`archives` opens the file, `pickles` reads its pickle into inert data, `tensors` reads numbers, `modules` names them as a
state dict would, `recognise` tells which encoder they are.
"""
