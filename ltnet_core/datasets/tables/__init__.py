"""A file becomes a table: rows of text under the titles of its columns."""
