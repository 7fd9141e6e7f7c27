"""The commands of the command line, a module each: its flags and what it does, beside each other.

In: the flags of one command. Out: files, and text or JSON on the terminal. A module names its commands in ``COMMANDS``.
"""
