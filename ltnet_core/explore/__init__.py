"""A finished run, looked at: which items, in which order, why the truth is what it is, and what people settle.

In: the results of a run, and a person's wishes. Out: items by index, explanations, adjudications. Nothing here imports
PyTorch.
"""
