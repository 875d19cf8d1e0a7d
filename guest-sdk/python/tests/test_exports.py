"""The exports of an author's module, called like the bindings call them."""

import logging
import unittest
import warnings
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from guardhouse_sdk import AccessToken, AuthContext, AuthorizationError, Component, log
from guardhouse_sdk._documents import Documents
from guardhouse_sdk._guest import awaits, fault, streams
from guardhouse_sdk._guest import exports as guest
from guardhouse_sdk._guest.host import Host, no_raw_token


class Trap(BaseException):
    """Represents the end of the instance."""


class Err(Exception):
    """Represents the error class of the bindings."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Denial:
    """Represents the record of the bindings."""

    def __init__(self, message: str) -> None:
        self.message = message


def trap() -> None:
    raise Trap


CONTEXT = AuthContext(
    AccessToken("app", None, [], None, None),
    Component("tool", "a", None, None, []),
    "",
    7,
    Documents(claims={}, details={}, arguments={"amount": 5}, attributes={}, raw=None),
)


class Exports(unittest.TestCase):
    def setUp(self) -> None:
        self.logged: list[tuple[int, str, str]] = []
        for target, name, value in ((fault, "_abort", trap), (log, "_write", None)):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def plugin(self, schema: str | None = None, **functions: Callable[..., Any]) -> tuple[Any, Any, Any]:
        author = ModuleType("check")
        vars(author).update(functions)
        nothing: Callable[[str], None] = lambda _: None
        host = Host(
            nothing, nothing, nothing, nothing, no_raw_token,
            lambda level, context, message: self.logged.append((level, context, message)),
            range(6), Err, Denial,
        )  # fmt: skip
        check, settings, step_up = guest.exports(author, schema, host)
        return check(), settings(), step_up()

    def ask(self, function: Callable[[AuthContext], Any]) -> Any:
        return self.plugin(check=lambda ctx: function(ctx))[0].check(CONTEXT)

    def faults(self, function: Callable[[AuthContext], Any]) -> str:
        with self.assertRaises(Trap):
            self.ask(function)
        (level, context, message) = self.logged[-1]
        self.assertEqual((level, context), (log.Level.CRITICAL, "exception"))
        return message

    def test_a_bool_is_the_answer(self) -> None:
        self.assertIs(self.ask(lambda ctx: ctx.now == 7 and ctx.argument("") == {"amount": 5}), True)
        self.assertIs(self.ask(lambda ctx: ctx.token is None), False)

    def test_anything_else_is_a_fault(self) -> None:
        answers: tuple[Any, ...] = (None, 1, 0, "no", [], Exception(), SimpleNamespace(__bool__=lambda: True))
        for answer in answers:
            self.assertIn(f"`check` returned {type(answer).__name__} and not bool", self.faults(lambda _, a=answer: a))

    def test_the_message_of_a_denial_is_unchanged(self) -> None:
        class Loud(AuthorizationError):
            def __str__(self) -> str:
                return "another"

        for error in (AuthorizationError("né 🙂"), Loud("né 🙂"), AuthorizationError("")):
            with self.assertRaises(Err) as caught:
                self.ask(lambda _, e=error: throw(e))
            self.assertEqual(caught.exception.value.message, error.message)
            self.assertIsNone(caught.exception.__context__)

    def test_every_other_exception_is_a_fault(self) -> None:
        class Posing(Exception):
            message = "leaked"

            @property
            def __class__(self) -> Any:
                return AuthorizationError

        class Mute(Exception):
            def __str__(self) -> str:
                raise KeyboardInterrupt

        class Silent(AuthorizationError):
            def __init__(self) -> None:
                """Does not call the base class."""

        class Caused(Exception):
            def __init__(self) -> None:
                self.__cause__ = AuthorizationError("leaked")

        for error in (
            ValueError("x"), Posing(), Mute(), Silent(), Caused(), SystemExit(3), KeyboardInterrupt(), GeneratorExit(),
            RecursionError(), MemoryError(), StopIteration(True),
        ):  # fmt: skip
            self.assertIn(type(error).__name__, self.faults(lambda _, e=error: throw(e)))

    def test_a_fault_has_a_traceback(self) -> None:
        def inner() -> bool:
            raise ValueError("secret 7f3a")

        message = self.faults(lambda _: inner())
        self.assertIn("ValueError: secret 7f3a", message)
        self.assertIn(f'test_exports.py", line {inner.__code__.co_firstlineno + 1}, in inner', message)

    def test_a_long_fault_is_shortened(self) -> None:
        message = self.faults(lambda _: throw(ValueError("🙂" * 1_000_000)))
        self.assertLess(len(message.encode()), 40_000)
        self.assertIn("ValueError: 🙂", message)

    def test_a_fault_that_cannot_be_described_traps_too(self) -> None:
        with mock.patch.object(fault, "_described", side_effect=MemoryError), mock.patch.object(
            fault, "_trimmed", side_effect=MemoryError
        ), self.assertRaises(Trap):
            self.ask(lambda _: throw(ValueError("x")))
        self.assertEqual(self.logged, [])

    def test_a_coroutine_that_is_never_awaited_is_a_fault(self) -> None:
        async def verify(_: Any) -> None:
            raise AuthorizationError("not reached")

        def check(ctx: AuthContext) -> bool:
            verify(ctx)
            return True

        def validate(settings: Any) -> None:
            verify(settings)

        with mock.patch.object(warnings, "_warn_unawaited_coroutine"):
            awaits.install()
            line = verify.__code__.co_firstlineno
            self.assertRegex(self.faults(check), rf"never awaited the coroutine `.*verify` \(test_exports.py:{line}\)")
            self.assertIs(self.ask(lambda _: True), True)
            settings = self.plugin("{}", check=lambda ctx, settings: True, validate=validate)[1]
            with self.assertRaises(Trap):
                settings.configure("{}")

    def test_a_message_that_utf_8_cannot_encode_is_a_fault(self) -> None:
        self.assertIn("UnicodeEncodeError", self.faults(lambda _: throw(AuthorizationError("\ud800"))))

    def test_settings_are_given_once_and_rejected_with_a_message(self) -> None:
        def validate(settings: dict[str, Any]) -> Any:
            if "bad" in settings:
                raise ValueError("`bad` is bad")
            return settings.get("answer")

        def check(_: AuthContext, settings: dict[str, Any]) -> bool:
            return settings == {"a": 1}

        for text, refusal in (
            ('{"bad": 1}', "`bad` is bad"),
            ('{"answer": false}', "`validate` returned False"),
            ("[]x", "Extra data"),
        ):
            with self.assertRaises(Err) as caught:
                self.plugin("{}", check=check, validate=validate)[1].configure(text)
            self.assertIn(refusal, caught.exception.value)
        exported, settings, _ = self.plugin("{}", check=check, validate=validate)
        with self.assertRaises(Trap):
            exported.check(CONTEXT)
        settings.configure('{"a": 1}')
        with self.assertRaises(Err):
            settings.configure('{"a": 2}')
        self.assertIs(exported.check(CONTEXT), True)
        self.assertEqual(settings.schema(), "{}")

    def test_rejected_settings_are_not_used(self) -> None:
        check: Any = lambda ctx, settings: True
        exported, settings, _ = self.plugin("{}", check=check, validate=lambda settings: False)
        with self.assertRaises(Err):
            settings.configure("{}")
        with self.assertRaises(Trap):
            exported.check(CONTEXT)

    def test_a_rejection_without_a_message_is_a_fault(self) -> None:
        class Mute(ValueError):
            def __str__(self) -> str:
                raise AuthorizationError("leaked")

        check: Any = lambda ctx, settings: True
        _, settings, _ = self.plugin("{}", check=check, validate=lambda settings: throw(Mute()))
        with self.assertRaises(Trap):
            settings.configure("{}")
        self.assertIn("Mute", self.logged[-1][2])

    def test_every_other_exception_of_validate_is_a_fault(self) -> None:
        check: Any = lambda ctx, settings: True
        for error in (AuthorizationError("x"), KeyError("x"), SystemExit()):
            _, settings, _ = self.plugin("{}", check=check, validate=lambda settings, e=error: throw(e))
            with self.assertRaises(Trap):
                settings.configure("{}")
            self.assertIn(type(error).__name__, self.logged[-1][2])

    def test_missing_scopes_are_a_list_of_strings(self) -> None:
        def missing(answer: Any) -> Any:
            return self.plugin(check=lambda ctx: True, missing_scopes=lambda ctx: answer)[2].missing_scopes(CONTEXT)

        self.assertEqual(missing(["a"]), ["a"])
        for answer in (None, "a", ("a",), [1], [None]):
            with self.assertRaises(Trap):
                missing(answer)

    def test_a_check_that_cannot_be_called_is_rejected_at_build_time(self) -> None:
        async def late(ctx: AuthContext) -> bool:
            return True

        def drip(ctx: AuthContext) -> Any:
            yield True

        both: Any = lambda ctx, settings: True
        for schema, function in ((None, late), (None, drip), (None, both), ("{}", lambda _: True)):
            with self.assertRaises(TypeError):
                self.plugin(schema, check=function)

    def test_a_validate_that_cannot_be_called_is_rejected_at_build_time(self) -> None:
        async def late(settings: Any) -> None:
            """Would reject nothing."""

        fine: Any = lambda settings: None
        with self.assertRaisesRegex(TypeError, "never called"):
            self.plugin(None, check=lambda ctx: True, validate=fine)
        both: Any = lambda ctx, settings: True
        for validate in (late, both, 5):
            with self.assertRaises(TypeError):
                self.plugin("{}", check=both, validate=validate)

    def test_a_log_message_that_cannot_be_formatted_is_not_a_fault(self) -> None:
        root = logging.Logger("root")
        with mock.patch.object(logging, "getLogger", return_value=root), mock.patch.object(logging, "raiseExceptions", False):
            streams._take_over(logging)  # pyright: ignore[reportPrivateUsage]
            self.assertIs(self.ask(lambda _: root.warning("%d", "x") is None), True)
            self.assertIs(self.ask(lambda _: root.warning("%d", 5) is None), True)
        self.assertEqual(self.logged, [(log.Level.WARN, "", "5")])


def throw(error: BaseException) -> Any:
    raise error
