from __future__ import annotations

from collections.abc import Callable


class AuthorizationError(Exception):
    """An explicit denial. Its message reaches the caller exactly as it stands: not trimmed, not
    escaped.

    It is the only exception that does. A message that is no text, or that cannot be written in
    UTF-8, is refused here, where the traceback shows who wrote it.
    """

    __slots__ = ("_message",)

    def __init__(self, message: str) -> None:
        self._message = plain(message)
        super().__init__(self._message)

    @property
    def message(self) -> str:
        """What the caller reads."""
        return self._message


def plain(text: object) -> str:
    """`text` as a `str` and no subclass of it, which UTF-8 can hold."""
    if not isinstance(text, str):
        raise TypeError(f"a text was expected, not {type(text).__name__}")
    text = str.__str__(text)
    text.encode()
    return text


_stored: Callable[[AuthorizationError], object] = vars(AuthorizationError)["_message"].__get__


def message_of(error: AuthorizationError) -> str:
    """The message that the author gave, whatever a subclass makes of `message` and `__str__`."""
    try:
        message = _stored(error)
    except AttributeError:
        raise TypeError(f"{type(error).__name__} has no message: its `__init__` must call that of its base") from None
    return plain(message)
