"""A run is a folder: its spec, events, checkpoints and results, and the process that works on it.

In: the spec of a run, and what was learned. Out: its state and its results, checked when they are read.
Nothing here imports PyTorch.
"""
