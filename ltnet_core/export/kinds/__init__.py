"""Exports, one module each; every module's ``EXPORT`` is registered by being here.

A finished run and what people settled go in (as a :class:`~ltnet_core.export.kind.Source`), one file comes out.
"""
