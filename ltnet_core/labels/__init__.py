"""Analysis of labels without images: agreement, aggregation, the five cases, identifiability, the posterior truth.

In: an :class:`~ltnet_core.annotations.AnnotationTable`, and p and T where there are any. Out: arrays.
Nothing here imports PyTorch.
"""
