from __future__ import annotations

from collections.abc import Callable


class AuthorizationError(Exception):
    """A denial with a message. The message reaches the caller unchanged: not trimmed, not escaped.

    No other exception reaches the caller. A message that is not a string, or that UTF-8 cannot
    encode, raises an exception here, so that the traceback shows its origin.
    """

    __slots__ = ("_message",)

    def __init__(self, message: str) -> None:
        self._message = plain(message)
        super().__init__(self._message)

    @property
    def message(self) -> str:
        """The text that the caller sees."""
        return self._message


def plain(text: object) -> str:
    """`text` as a plain `str`, not a subclass, that UTF-8 can encode."""
    if not isinstance(text, str):
        raise TypeError(f"expected a string, not {type(text).__name__}")
    text = str.__str__(text)
    text.encode()
    return text


_stored: Callable[[AuthorizationError], object] = vars(AuthorizationError)["_message"].__get__


def message_of(error: AuthorizationError) -> str:
    """The message that the author gave, even if a subclass overrides `message` or `__str__`."""
    try:
        message = _stored(error)
    except AttributeError:
        raise TypeError(f"{type(error).__name__} has no message: its `__init__` must call that of its base") from None
    return plain(message)
