"""Allows requests within office hours, by the clock and the calendar of one place."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal

from guardhouse_sdk import AuthContext, AuthorizationError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Daylight:
    """A period in which another offset applies. Like all times of the settings, these are compared as text."""

    starts: str
    ends: str
    offset: int


@dataclass(frozen=True)
class Calendar:
    """The days for which `daylight` and `holidays` are complete."""

    first: str
    last: str


@dataclass(frozen=True)
class Hours:
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
    opens: str
    closes: str


@dataclass(frozen=True)
class Settings:
    """The settings, as `settings.schema.json` describes them."""

    zone: str
    offset: int
    calendar: Calendar
    hours: list[Hours]
    daylight: list[Daylight] = field(default_factory=list[Daylight])
    holidays: list[str] = field(default_factory=list[str])

    def local(self, seconds: int) -> datetime:
        """What the clock on the wall shows. Python knows the years 1 to 9999, and raises OverflowError for others."""
        utc = EPOCH + timedelta(seconds=seconds)
        text = utc.strftime("%Y-%m-%dT%H:%MZ")
        offset = next((p.offset for p in self.daylight if p.starts <= text < p.ends), self.offset)
        return utc + timedelta(minutes=offset)

    def covers(self, day: datetime) -> bool:
        return self.calendar.first <= day.strftime("%Y-%m-%d") <= self.calendar.last

    def hours_of(self, day: datetime) -> list[Hours]:
        if day.strftime("%Y-%m-%d") in self.holidays:
            return []
        return [hours for hours in self.hours if DAYS[day.weekday()] in hours.days]


def check(ctx: AuthContext, settings: Settings) -> bool:
    closed = f"the office is closed; its calendar covers {settings.calendar.first} to {settings.calendar.last}"
    try:
        day = settings.local(ctx.now)
    except OverflowError:
        raise AuthorizationError(closed) from None
    if not settings.covers(day):
        raise AuthorizationError(closed)
    now = day.strftime("%H:%M")
    if any(hours.opens <= now < hours.closes for hours in settings.hours_of(day)):
        return True
    # Hours that begin later: today, or on one of the 366 days that follow.
    opens = [hours.opens for hours in settings.hours_of(day) if hours.opens > now]
    for _ in range(366):
        if opens:
            raise AuthorizationError(f"the office is closed until {day:%Y-%m-%d} {min(opens)} ({settings.zone})")
        day += timedelta(days=1)
        if not settings.covers(day):
            break
        opens = [hours.opens for hours in settings.hours_of(day)]
    raise AuthorizationError(closed)


def validate(settings: Settings) -> None:
    """Rejects what the schema cannot: times in the wrong order."""
    spans = [(hours.opens, hours.closes) for hours in settings.hours]
    spans += [(period.starts, period.ends) for period in settings.daylight]
    for begin, end in spans:
        if begin >= end:
            raise ValueError(f"{begin} is not before {end}")
