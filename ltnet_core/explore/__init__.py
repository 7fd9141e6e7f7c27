"""Reading a finished run: selection and order of its items, explanation of a truth, adjudications.

In: the results of a run, and what a view asks for. Out: items by index, explanations, adjudications. Nothing here
imports PyTorch.
"""
