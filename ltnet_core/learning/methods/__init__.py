"""Training methods, one module each; every module's ``METHOD`` is registered by being here.

A study's annotations and images go in (as a :class:`~ltnet_core.learning.trainer.Trainer`), a
:class:`~ltnet_core.learning.results.Learned` comes out.
"""
