"""What leaves a finished run: truth, matrices, model and report as files for other programs.

In: a finished run. Out: files, with every cell that a spreadsheet would run as a formula made harmless.
"""
