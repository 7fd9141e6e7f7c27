"""One image, and many: a file becomes pixels of 8 bits within a budget of memory.

In: the bytes of an image file. Out: its first frame, upright, in the size that networks see, or one sentence why not.
This file imports nothing: processes that decode start without the rest of the library.
"""
