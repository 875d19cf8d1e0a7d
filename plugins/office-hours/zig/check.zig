//! Allows requests within office hours, by the clock and the calendar of one place.

const std = @import("std");
const guardhouse = @import("guardhouse");
const AuthContext = guardhouse.AuthContext;

pub const panic = guardhouse.panic;
pub const std_options = guardhouse.std_options;

/// The settings, as settings.schema.json describes them. All times are compared as text.
pub const Settings = struct {
    zone: []const u8,
    /// In minutes, like the offsets of `daylight`.
    offset: i64,
    daylight: []const Daylight = &.{},
    calendar: struct { first: []const u8, last: []const u8 },
    holidays: []const []const u8 = &.{},
    hours: []const Hours,

    /// A period in which another offset applies.
    const Daylight = struct { starts: []const u8, ends: []const u8, offset: i64 };

    const Hours = struct { days: []const Day, opens: []const u8, closes: []const u8 };

    fn isOpenOn(settings: *const Settings, day: Moment) bool {
        for (settings.holidays) |holiday| if (std.mem.eql(u8, holiday, day.date)) return false;
        return settings.covers(day);
    }

    fn covers(settings: *const Settings, day: Moment) bool {
        return !isBefore(day.date, settings.calendar.first) and !isBefore(settings.calendar.last, day.date);
    }
};

/// The days of the week, from that of the beginning of the epoch.
const Day = enum { thu, fri, sat, sun, mon, tue, wed };

/// What a clock and a calendar show.
const Moment = struct {
    date: []const u8,
    time: []const u8,
    day: Day,

    fn at(arena: std.mem.Allocator, seconds: u64) !Moment {
        const epoch: std.time.epoch.EpochSeconds = .{ .secs = seconds };
        const day = epoch.getEpochDay();
        const of_year = day.calculateYearDay();
        const of_month = of_year.calculateMonthDay();
        const of_day = epoch.getDaySeconds();
        return .{
            .date = try std.fmt.allocPrint(arena, "{d:0>4}-{d:0>2}-{d:0>2}", .{
                of_year.year, of_month.month.numeric(), of_month.day_index + 1,
            }),
            .time = try std.fmt.allocPrint(arena, "{d:0>2}:{d:0>2}", .{
                of_day.getHoursIntoDay(), of_day.getMinutesIntoHour(),
            }),
            .day = @enumFromInt(day.day % 7),
        };
    }
};

pub fn check(ctx: *const AuthContext, settings: *const Settings) !bool {
    var seconds = try local(ctx, settings) orelse return closed(ctx, settings);
    var day: Moment = try .at(ctx.arena, seconds);
    const now = day.time;
    if (settings.isOpenOn(day)) for (settings.hours) |hours| {
        const is_open = !isBefore(now, hours.opens) and isBefore(now, hours.closes);
        if (is_open and std.mem.indexOfScalar(Day, hours.days, day.day) != null) return true;
    };
    // The first hours that begin after `now`: today, or on one of the 366 days that follow.
    var after = now;
    for (0..367) |_| {
        if (!settings.covers(day)) break;
        if (firstOpening(settings, day, after)) |opens| {
            return ctx.deny("the office is closed until {s} {s} ({s})", .{ day.date, opens, settings.zone });
        }
        seconds += std.time.epoch.secs_per_day;
        day = try .at(ctx.arena, seconds);
        after = "";
    }
    return closed(ctx, settings);
}

/// Rejects what the schema cannot: times in the wrong order.
pub fn validate(settings: *const Settings) ?[]const u8 {
    for (settings.hours) |hours| {
        if (!isBefore(hours.opens, hours.closes)) return "in `hours`, `opens` must be before `closes`";
    }
    for (settings.daylight) |period| {
        if (!isBefore(period.starts, period.ends)) return "in `daylight`, `starts` must be before `ends`";
    }
    return null;
}

/// What the clock on the wall shows, as seconds since the Unix epoch; null before the epoch.
fn local(ctx: *const AuthContext, settings: *const Settings) !?u64 {
    if (ctx.now < 0) return null;
    const utc: Moment = try .at(ctx.arena, @intCast(ctx.now));
    const text = try std.fmt.allocPrint(ctx.arena, "{s}T{s}Z", .{ utc.date, utc.time });
    const offset = for (settings.daylight) |period| {
        if (!isBefore(text, period.starts) and isBefore(text, period.ends)) break period.offset;
    } else settings.offset;
    return std.math.cast(u64, ctx.now + 60 * offset);
}

/// The first hours of a day that begin after a time.
fn firstOpening(settings: *const Settings, day: Moment, after: []const u8) ?[]const u8 {
    if (!settings.isOpenOn(day)) return null;
    var first: ?[]const u8 = null;
    for (settings.hours) |hours| {
        if (std.mem.indexOfScalar(Day, hours.days, day.day) == null or !isBefore(after, hours.opens)) continue;
        if (first == null or isBefore(hours.opens, first.?)) first = hours.opens;
    }
    return first;
}

fn closed(ctx: *const AuthContext, settings: *const Settings) error{AuthorizationError} {
    const calendar = settings.calendar;
    return ctx.deny("the office is closed; its calendar covers {s} to {s}", .{ calendar.first, calendar.last });
}

fn isBefore(text: []const u8, other: []const u8) bool {
    return std.mem.order(u8, text, other) == .lt;
}

comptime {
    guardhouse.exportPlugin(@This(), .{ .schema = @embedFile("settings.schema.json") });
}

const Request = guardhouse.testing.Request;
const monday_at_nine = 1770019200;
const weekdays: Settings = .{
    .zone = "Europe/Berlin",
    .offset = 60,
    .calendar = .{ .first = "2026-01-01", .last = "2026-12-31" },
    .holidays = &.{"2026-02-03"},
    .hours = &.{.{ .days = &.{ .mon, .tue, .wed }, .opens = "09:00", .closes = "17:00" }},
};

test "the first minute is allowed" {
    const request: Request = try .init(.{ .now = monday_at_nine });
    defer request.deinit();
    try std.testing.expect(try check(request.ctx, &weekdays));
}

test "the evening before a holiday is denied with the next opening" {
    const request: Request = try .init(.{ .now = monday_at_nine + 8 * 3600 });
    defer request.deinit();
    const message = "the office is closed until 2026-02-04 09:00 (Europe/Berlin)";
    try request.expectDenied(message, check(request.ctx, &weekdays));
}

test "hours in the wrong order are rejected" {
    var reversed = weekdays;
    reversed.hours = &.{.{ .days = &.{.mon}, .opens = "17:00", .closes = "09:00" }};
    try std.testing.expectEqualStrings("in `hours`, `opens` must be before `closes`", validate(&reversed).?);
}
