"""Everything that learns: networks, transition matrices, LTNet, the methods, and the stages of a run.

In: a study and settings. Out: a :class:`~ltnet_core.learning.results.Learned`, written into the run's folder. What
imports PyTorch is here; a few modules (settings of stages, plan, calibration) do without it.
"""
