const std = @import("std");
const guardhouse = @import("guardhouse");

pub fn build(b: *std.Build) void {
    guardhouse.addPlugin(b);
}
