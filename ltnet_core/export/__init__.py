"""Exports of a finished run: truth, matrices, model and report as files for other programs.

In: a finished run. Out: files. A cell that a spreadsheet would run as a formula is made harmless.
"""
