"""The forms that a dataset may have, a module each; a module with a ``FORMAT`` is registered by itself.

:mod:`~ltnet_core.datasets.reading` says what such a module holds.
"""
