class Refused(Exception):
    """What the author is told instead of a component."""
