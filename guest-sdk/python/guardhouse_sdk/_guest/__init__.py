"""Code that runs only inside a plugin, between the host's records and the author's functions.

Authors and their unit tests do not import it.
"""
