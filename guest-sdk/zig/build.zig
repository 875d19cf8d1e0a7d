const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const module = b.addModule("guardhouse", .{
        .root_source_file = b.path("src/guardhouse.zig"),
        .target = target,
    });

    const tests = b.addTest(.{ .root_module = module });
    b.step("test", "Run the unit tests").dependOn(&b.addRunArtifact(tests).step);
}

/// Adds a plugin to the build of `b`: `zig build` makes `zig-out/bin/plugin.wasm` from check.zig, and `zig build test`
/// runs its tests natively. With `-Ddevelopment`, Zig's own code generator is used instead of LLVM: the plugin has the
/// same safety checks, and is compiled ten times as fast.
pub fn addPlugin(b: *std.Build) void {
    const wasm = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .freestanding });
    const development = b.option(bool, "development", "Compile the plugin fast, and not to fast code") orelse false;
    const plugin = b.addExecutable(.{
        .name = "plugin",
        .root_module = checkModule(b, wasm, .safe),
        .use_llvm = if (development) false else null,
        .use_lld = if (development) false else null,
    });
    plugin.entry = .disabled;
    plugin.rdynamic = true;
    plugin.stack_size = 256 * 1024;
    b.installArtifact(plugin);

    const tests = b.addTest(.{ .root_module = checkModule(b, b.graph.host, .debug) });
    b.step("test", "Run the unit tests").dependOn(&b.addRunArtifact(tests).step);
}

fn checkModule(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.Optimize) *std.Build.Module {
    const sdk = b.dependency("guardhouse", .{ .target = target });
    return b.createModule(.{
        .root_source_file = b.path("check.zig"),
        .target = target,
        .optimize = optimize,
        .single_threaded = true,
        .imports = &.{.{ .name = "guardhouse", .module = sdk.module("guardhouse") }},
    });
}
