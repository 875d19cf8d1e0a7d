"""Unit tests, which run natively: `PYTHONPATH=../../../guest-sdk/python python3 -m unittest`."""

import unittest
from typing import Any

from check import check, validate
from guardhouse_sdk import AuthorizationError, testing

SMALL = {"compare": {"argument": "/amount", "is": "<=", "number": 1000}}


class Check(unittest.TestCase):
    def test_a_condition(self) -> None:
        for amount, expected in [(1000, True), (1000.5, False)]:
            ctx = testing.tool("transfer", arguments={"amount": amount})
            self.assertEqual(check(ctx, {"condition": SMALL}), expected)

    def test_a_missing_input_denies_also_under_a_negation(self) -> None:
        conditions: list[dict[str, Any]] = [SMALL, {"none": [SMALL]}]
        for condition in conditions:
            with self.assertRaises(AuthorizationError):
                check(testing.tool("transfer"), {"condition": condition})

    def test_texts_that_are_not_networks_are_rejected(self) -> None:
        for network in ("192.0.2.0/33", "192.0.2/24", "2001:db8::/129"):
            condition = {"none": [{"network": {"attribute": "/peer/address", "in": [network]}}]}
            with self.assertRaisesRegex(ValueError, "is not a network"):
                validate({"condition": condition})


if __name__ == "__main__":
    unittest.main()
