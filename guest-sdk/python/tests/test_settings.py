"""Conversion of settings to the author's types."""

import enum
import unittest
from dataclasses import dataclass, field
from typing import Any, Literal

from guardhouse_sdk import testing
from guardhouse_sdk._settings import reader


class Mode(enum.Enum):
    STRICT = "strict"


@dataclass
class Limit:
    max: int
    rate: float = 1.5


@dataclass
class Settings:
    scopes: list[str]
    limits: dict[str, Limit] = field(default_factory=dict[str, Limit])
    limit: Limit | None = None
    mode: Mode = Mode.STRICT
    level: Literal["low", 3] = "low"
    pair: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()
    max_amount: int | str = field(default=0, metadata={"json": "max-amount"})
    anything: Any = None


@dataclass
class Tree:
    name: str
    parts: list["Tree"] = field(default_factory=list["Tree"])


class Reading(unittest.TestCase):
    def test_a_dataclass_may_contain_itself(self) -> None:
        tree = testing.settings(Tree, {"name": "a", "parts": [{"name": "b", "parts": [{"name": "c"}]}]})
        self.assertEqual(tree, Tree("a", [Tree("b", [Tree("c")])]))
        with self.assertRaisesRegex(ValueError, "/parts/0/parts/0/name"):
            testing.settings(Tree, {"name": "a", "parts": [{"name": "b", "parts": [{}]}]})

    def test_omitted_members_have_their_defaults(self) -> None:
        self.assertEqual(testing.settings(Settings, {"scopes": []}), Settings([]))

    def test_every_member_is_read(self) -> None:
        document = {
            "scopes": ["a"],
            "limits": {"x": {"max": 1}},
            "limit": {"max": 2.0, "rate": 3},
            "mode": "strict",
            "level": 3,
            "pair": [1, 2],
            "names": ["n"],
            "max-amount": "none",
            "anything": {"a": [None]},
        }
        settings = testing.settings(Settings, document)
        self.assertEqual(settings.limits, {"x": Limit(1)})
        self.assertEqual(settings.limit, Limit(2, 3.0))
        self.assertIs(type(settings.limit and settings.limit.max), int)
        self.assertEqual((settings.mode, settings.level, settings.pair), (Mode.STRICT, 3, (1, 2)))
        self.assertEqual((settings.names, settings.max_amount), ({"n"}, "none"))
        self.assertEqual(settings.anything, {"a": [None]})

    def test_an_invalid_setting_is_named_by_its_pointer(self) -> None:
        for document, refusal in (
            ({}, "setting `/scopes` is missing"),
            ({"scopes": "a"}, "setting `/scopes` must be an array"),
            ({"scopes": ["a", 1]}, "setting `/scopes/1` must be a string"),
            ({"scopes": [], "limit": {"max": True}}, "setting `/limit/max` must be an integer"),
            ({"scopes": [], "limit": {"max": 1.5}}, "setting `/limit/max` must be an integer"),
            ({"scopes": [], "limits": {"x": {}}}, "setting `/limits/x/max` is missing"),
            ({"scopes": [], "mode": "lax"}, "setting `/mode` must be one of 'strict'"),
            ({"scopes": [], "mode": []}, "setting `/mode` must be one of 'strict'"),
            ({"scopes": [], "suspnded": []}, "setting `/suspnded` is unknown"),
            ({"scopes": [], "limit": {"max": 1, "maximum": 1}}, "setting `/limit/maximum` is unknown"),
            ({"scopes": [], "limits": None}, "setting `/limits` must be an object"),
            ({"scopes": [], "level": 3.0}, "setting `/level` must be one of 'low', 3"),
        ):
            with self.assertRaises(ValueError) as caught:
                testing.settings(Settings, document)
            self.assertEqual(str(caught.exception), refusal)

    def test_a_type_without_a_json_form_is_rejected_at_build_time(self) -> None:
        for hint in (bytes, tuple[int, str], dict[int, str], set):
            with self.assertRaises(TypeError):
                reader(hint)
