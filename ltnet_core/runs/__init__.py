"""A run is a folder: its spec, events, checkpoints and results, and the process that works on it.

In: what a run is asked for, and what it learned. Out: its state and its results, checked before anyone relies on them.
Nothing here imports PyTorch.
"""
