"""What runs inside the plugin: between the host's records and the author's function.

Nothing here is imported by an author or by a unit test of his.
"""
