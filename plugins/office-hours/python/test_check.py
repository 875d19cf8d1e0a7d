"""Unit tests, which run natively: `PYTHONPATH=../../../guest-sdk/python python3 -m unittest`."""

import unittest

from check import Settings, check, validate
from guardhouse_sdk import AuthorizationError, testing

WRITTEN = {
    "zone": "Europe/Berlin",
    "offset": 60,
    "calendar": {"first": "2026-01-01", "last": "2026-12-31"},
    "holidays": ["2026-02-03"],
    "hours": [{"days": ["mon", "tue", "wed"], "opens": "09:00", "closes": "17:00"}],
}
SETTINGS = testing.settings(Settings, WRITTEN)
MONDAY_AT_NINE = 1770019200


class Check(unittest.TestCase):
    def test_the_first_minute_is_allowed(self) -> None:
        self.assertTrue(check(testing.tool("transfer", now=MONDAY_AT_NINE), SETTINGS))

    def test_the_evening_before_a_holiday_is_denied_with_the_next_opening(self) -> None:
        with self.assertRaises(AuthorizationError) as denial:
            check(testing.tool("transfer", now=MONDAY_AT_NINE + 8 * 3600), SETTINGS)
        self.assertEqual(denial.exception.message, "the office is closed until 2026-02-04 09:00 (Europe/Berlin)")

    def test_hours_in_the_wrong_order_are_rejected(self) -> None:
        hours = [{"days": ["mon"], "opens": "17:00", "closes": "09:00"}]
        with self.assertRaisesRegex(ValueError, "17:00 is not before 09:00"):
            validate(testing.settings(Settings, {**WRITTEN, "hours": hours}))


if __name__ == "__main__":
    unittest.main()
