"""What the columns and rows of a table are: labels, votes, coders, known truth, parts of the data."""
