//! Allows requests within office hours, by the clock and the calendar of one place.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use serde::Deserialize;
use time::{Duration, OffsetDateTime, Weekday};

/// The settings. The host has validated them against `settings.schema.json`. All times are compared as text.
#[derive(Debug, Deserialize)]
pub struct Settings {
    zone: String,
    /// In minutes, like the offsets of `daylight`.
    offset: i64,
    #[serde(default)]
    daylight: Vec<Daylight>,
    calendar: Calendar,
    #[serde(default)]
    holidays: Vec<String>,
    hours: Vec<Hours>,
}

/// A period in which another offset applies.
#[derive(Debug, Deserialize)]
struct Daylight {
    starts: String,
    ends: String,
    offset: i64,
}

/// The days for which `daylight` and `holidays` are complete.
#[derive(Debug, Deserialize)]
struct Calendar {
    first: String,
    last: String,
}

#[derive(Debug, Deserialize)]
struct Hours {
    days: Vec<Day>,
    opens: String,
    closes: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Check for Settings {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        let Calendar { first, last } = &self.calendar;
        let closed = || AuthorizationError::new(format!("the office is closed; its calendar covers {first} to {last}"));
        let mut day = self.local(ctx.now()).ok_or_else(closed)?;
        let now = clock(day);
        if self.hours_of(day).any(|hours| hours.opens <= now && now < hours.closes) {
            return Ok(true);
        }
        // Hours that begin later: today, or on one of the 366 days that follow.
        let mut opens = self.hours_of(day).map(|hours| &hours.opens).filter(|opens| **opens > now).min();
        for _ in 0..366 {
            if let Some(opens) = opens {
                let text = format!("the office is closed until {} {opens} ({})", day.date(), self.zone);
                return Err(AuthorizationError::new(text));
            }
            if !self.covers(day) {
                break;
            }
            day += Duration::DAY;
            opens = self.hours_of(day).map(|hours| &hours.opens).min();
        }
        Err(closed())
    }

    /// Rejects what the schema cannot: times in the wrong order.
    fn validate(&self) -> Result<(), String> {
        let hours = self.hours.iter().map(|hours| (&hours.opens, &hours.closes));
        let periods = self.daylight.iter().map(|period| (&period.starts, &period.ends));
        match hours.chain(periods).find(|(begin, end)| begin >= end) {
            Some((begin, end)) => Err(format!("{begin} is not before {end}")),
            None => Ok(()),
        }
    }
}

impl Settings {
    /// What the clock on the wall shows, as a time in UTC; `None` for years of more than four digits.
    fn local(&self, seconds: i64) -> Option<OffsetDateTime> {
        let utc = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        let text = format!("{}T{}Z", utc.date(), clock(utc));
        let period = self.daylight.iter().find(|period| period.starts <= text && text < period.ends);
        utc.checked_add(Duration::minutes(period.map_or(self.offset, |period| period.offset)))
    }

    fn covers(&self, day: OffsetDateTime) -> bool {
        let date = day.date().to_string();
        self.calendar.first <= date && date <= self.calendar.last
    }

    fn hours_of(&self, day: OffsetDateTime) -> impl Iterator<Item = &Hours> {
        let open = self.covers(day) && !self.holidays.contains(&day.date().to_string());
        self.hours.iter().filter(move |hours| open && hours.days.contains(&Day::from(day.weekday())))
    }
}

fn clock(day: OffsetDateTime) -> String {
    format!("{:02}:{:02}", day.hour(), day.minute())
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

guardhouse_sdk::export!(Settings with settings("../settings.schema.json"));

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::ContextBuilder;
    use serde_json::json;

    use super::*;

    const MONDAY_AT_NINE: i64 = 1_770_019_200;

    fn settings(opens: &str, closes: &str) -> Settings {
        let settings = json!({
            "zone": "Europe/Berlin", "offset": 60, "holidays": ["2026-02-03"],
            "calendar": {"first": "2026-01-01", "last": "2026-12-31"},
            "hours": [{"days": ["mon", "tue", "wed"], "opens": opens, "closes": closes}],
        });
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn the_first_minute_is_allowed() {
        let ctx = ContextBuilder::tool("transfer").now(MONDAY_AT_NINE).build();
        assert_eq!(settings("09:00", "17:00").check(&ctx), Ok(true));
    }

    #[test]
    fn the_evening_before_a_holiday_is_denied_with_the_next_opening() {
        let ctx = ContextBuilder::tool("transfer").now(MONDAY_AT_NINE + 8 * 3600).build();
        let error = settings("09:00", "17:00").check(&ctx).unwrap_err();
        assert_eq!(error.message, "the office is closed until 2026-02-04 09:00 (Europe/Berlin)");
    }

    #[test]
    fn hours_in_the_wrong_order_are_rejected() {
        assert_eq!(settings("17:00", "09:00").validate(), Err("17:00 is not before 09:00".to_owned()));
    }
}
