class Refused(Exception):
    """The plugin cannot be built; the text is for its author."""
