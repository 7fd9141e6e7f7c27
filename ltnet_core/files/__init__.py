"""Reading and writing of files, tables and the terminal. Nothing here depends on labels or images.

In: a path and what is to be written, or a file that cannot be trusted. Out: a whole file under its name, or checked
content; a failure names the file.
"""
