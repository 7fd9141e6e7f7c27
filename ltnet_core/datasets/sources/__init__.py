"""Where a dataset comes from: its folder or archive, and the files in it."""
