// A check that allows requests within office hours, by the clock and the calendar of one place.
package main

import (
	_ "embed"
	"fmt"
	"slices"
	"time"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/settings"
)

// Settings are the settings that settings.schema.json describes. All times are compared as text.
type Settings struct {
	Zone     string     `json:"zone"`
	Offset   int        `json:"offset"`
	Daylight []Daylight `json:"daylight"`
	Calendar Calendar   `json:"calendar"`
	Holidays []string   `json:"holidays"`
	Hours    []Hours    `json:"hours"`
}

// Daylight is a period in which another offset applies.
type Daylight struct {
	Starts string `json:"starts"`
	Ends   string `json:"ends"`
	Offset int    `json:"offset"`
}

// Calendar is the days for which the tables of the settings are complete.
type Calendar struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

// Hours are when the office is open on some days of the week.
type Hours struct {
	Days   []string `json:"days"`
	Opens  string   `json:"opens"`
	Closes string   `json:"closes"`
}

//go:embed settings.schema.json
var schema string

var days = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func init() { settings.Check(schema, check) }

func check(ctx *guardhouse.AuthContext, settings *Settings) (bool, error) {
	day := settings.local(ctx.Now)
	now := day.Format("15:04")
	var later []string
	for _, hours := range settings.hoursOf(day) {
		if hours.Opens <= now && now < hours.Closes {
			return true, nil
		}
		if hours.Opens > now {
			later = append(later, hours.Opens)
		}
	}
	// Hours that begin later: today, or on one of the 366 days that follow.
	for range 366 {
		if len(later) > 0 {
			opens := day.Format(time.DateOnly) + " " + slices.Min(later)
			return false, guardhouse.Deny(fmt.Sprintf("the office is closed until %s (%s)", opens, settings.Zone))
		}
		if !settings.covers(day) {
			break
		}
		day = day.AddDate(0, 0, 1)
		for _, hours := range settings.hoursOf(day) {
			later = append(later, hours.Opens)
		}
	}
	calendar := settings.Calendar
	return false, guardhouse.Deny(
		fmt.Sprintf("the office is closed; its calendar covers %s to %s", calendar.First, calendar.Last))
}

// local is what the clock on the wall shows, as a time in UTC.
func (settings *Settings) local(seconds int64) time.Time {
	utc := time.Unix(seconds, 0).UTC()
	text := utc.Format("2006-01-02T15:04Z")
	offset := settings.Offset
	for _, period := range settings.Daylight {
		if period.Starts <= text && text < period.Ends {
			offset = period.Offset
		}
	}
	return utc.Add(time.Duration(offset) * time.Minute)
}

func (settings *Settings) covers(day time.Time) bool {
	date := day.Format(time.DateOnly)
	return settings.Calendar.First <= date && date <= settings.Calendar.Last
}

func (settings *Settings) hoursOf(day time.Time) []Hours {
	if !settings.covers(day) || slices.Contains(settings.Holidays, day.Format(time.DateOnly)) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(settings.Hours), func(hours Hours) bool {
		return !slices.Contains(hours.Days, days[day.Weekday()])
	})
}

// Validate rejects what the schema cannot: times in the wrong order.
func (settings *Settings) Validate() error {
	for _, hours := range settings.Hours {
		if hours.Opens >= hours.Closes {
			return fmt.Errorf("%s is not before %s", hours.Opens, hours.Closes)
		}
	}
	for _, period := range settings.Daylight {
		if period.Starts >= period.Ends {
			return fmt.Errorf("%s is not before %s", period.Starts, period.Ends)
		}
	}
	return nil
}

// main is never called: the host calls check.
func main() {}
