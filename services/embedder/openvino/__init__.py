"""OpenVINO, which computes networks on processors faster than PyTorch does.

`library` imports it, `converting` makes its model of a network, `network` runs that on pixels.
"""
