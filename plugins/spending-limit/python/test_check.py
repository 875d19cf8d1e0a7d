"""Unit tests, which run natively: `PYTHONPATH=../../../guest-sdk/python python3 -m unittest`."""

import unittest

from check import Limit, Settings, check, missing_scopes
from guardhouse_sdk import AuthContext, AuthorizationError, testing

SETTINGS = Settings(scopes=["pay", "sign"], suspended=["mallory"], limit=Limit("/amount", 1000))


def call(arguments: object, action: str = "tools/call") -> AuthContext:
    return testing.tool("transfer", scopes=["pay", "sign"], arguments=arguments, action=action)


class Check(unittest.TestCase):
    def test_a_request_without_a_token_is_denied(self) -> None:
        self.assertFalse(check(testing.tool("transfer"), SETTINGS))

    def test_a_suspended_client_is_denied_with_a_message(self) -> None:
        with self.assertRaises(AuthorizationError) as denial:
            check(testing.tool("transfer", client_id="mallory"), SETTINGS)
        self.assertEqual(denial.exception.message, "client `mallory` is suspended")

    def test_every_scope_is_required(self) -> None:
        self.assertFalse(check(testing.tool("transfer", scopes=["pay"], arguments={"amount": 1}), SETTINGS))

    def test_numbers_up_to_the_limit_are_allowed(self) -> None:
        for amount in (-1, 0, 999.5, 1000):
            self.assertTrue(check(call({"amount": amount}), SETTINGS), amount)

    def test_anything_else_is_denied_with_the_limit(self) -> None:
        for arguments in ({"amount": 1001}, {"amount": 1000.25}, {"amount": "1"}, {"amount": True}, {}, None):
            with self.assertRaises(AuthorizationError) as denial:
                check(call(arguments), SETTINGS)
            self.assertEqual(denial.exception.message, "argument `/amount` must be a number of at most 1000")

    def test_a_list_is_not_limited(self) -> None:
        self.assertTrue(check(call(None, action="tools/list"), SETTINGS))

    def test_settings_as_the_host_reads_them(self) -> None:
        self.assertEqual(testing.settings(Settings, {"scopes": ["pay"]}), Settings(["pay"], [], None))


class MissingScopes(unittest.TestCase):
    def test_missing_scopes_are_named_once_and_in_order(self) -> None:
        settings = Settings(["sign", "pay", "audit", "sign"])
        self.assertEqual(missing_scopes(testing.tool("transfer", scopes=["pay"]), settings), ["sign", "audit"])

    def test_no_scopes_are_missing_without_a_token(self) -> None:
        self.assertEqual(missing_scopes(testing.tool("transfer"), SETTINGS), [])


if __name__ == "__main__":
    unittest.main()
