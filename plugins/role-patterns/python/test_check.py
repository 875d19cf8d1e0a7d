"""Unit tests, which run natively: `PYTHONPATH=../../../guest-sdk/python python3 -m unittest`."""

import unittest

from check import Settings, check, matches
from guardhouse_sdk import AuthorizationError, testing

WRITTEN = {
    "claim": "/roles",
    "roles": {"teller": {"allow": [{"component": "tool:{read,list}-*"}], "deny": [{"component": "*:**secret**"}]}},
}
SETTINGS = testing.settings(Settings, WRITTEN)


class Check(unittest.TestCase):
    def test_a_pattern_of_a_role_allows(self) -> None:
        self.assertTrue(check(testing.tool("list-orders", claims={"roles": ["teller"]}), SETTINGS))
        self.assertFalse(check(testing.tool("list-orders", claims={"roles": ["guest"]}), SETTINGS))

    def test_a_denial_wins(self) -> None:
        with self.assertRaises(AuthorizationError) as denial:
            check(testing.tool("read-secrets", claims={"roles": ["teller"]}), SETTINGS)
        self.assertEqual(denial.exception.message, "role `teller` must not use `tool:read-secrets`")

    def test_patterns(self) -> None:
        for pattern, text, expected in [("*", "a/b", False), ("**", "a/b", True), ("{a,b*}?", "bcd", True)]:
            self.assertEqual(matches(pattern, text), expected, pattern)


if __name__ == "__main__":
    unittest.main()
