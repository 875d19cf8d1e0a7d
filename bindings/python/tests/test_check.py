"""Making a check: every error that can be found before a request is raised here."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import guardhouse_checks
import pytest
from plugins import plugin, reads_raw_token

SCOPES = "builtin:require-scopes"


@pytest.mark.parametrize(
    ("component", "text"),
    [
        (b"#!/bin/sh", "not a WebAssembly file"),
        (b"\0asm\x01\0\0\0", "this is a core WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "does not export `guardhouse:auth/check@0.1.0`"),
    ],
)
def test_an_invalid_plugin_is_a_load_error(component: bytes, text: str) -> None:
    with pytest.raises(guardhouse_checks.LoadError, match=text):
        guardhouse_checks.check(component)


def test_a_missing_file_is_a_load_error(tmp_path: Path) -> None:
    with pytest.raises(guardhouse_checks.LoadError, match="cannot read the plugin"):
        guardhouse_checks.check(tmp_path / "none.wasm")


def test_an_unknown_builtin_is_a_load_error_that_names_the_builtins() -> None:
    text = "`require-luck` does not exist; use one of .*`require-scopes`"
    with pytest.raises(guardhouse_checks.LoadError, match=text):
        guardhouse_checks.check("builtin:require-luck")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"settings": {"scopes": "read"}}, 'at `/scopes`: "read" is not of type "array"'),
        ({"settings": {}}, '"scopes" is a required property'),
        ({"settings": {"scopes": ["a"], "scope": 1}}, "scope"),
        ({"settings": {"scopes": [float("nan")]}}, "the settings are not JSON"),
        ({"settings": {"scopes": []}, "grants": ["everything"]}, "grant `everything` does not exist"),
        ({"settings": {"scopes": []}, "grants": "raw-token"}, "`grants` must be a list"),
        (
            {"settings": {"scopes": []}, "limits": guardhouse_checks.Limits(memory_bytes="1024GiB")},
            "Limits::memory_bytes",
        ),
        ({"settings": {"scopes": []}, "limits": guardhouse_checks.Limits(deadline="-1s")}, "limit `deadline`"),
        ({"settings": {"scopes": []}, "limits": guardhouse_checks.Limits(cpu_time="1.5s")}, "limit `cpu_time`"),
        ({"settings": {"scopes": []}, "limits": guardhouse_checks.Limits(log_bytes="1 KB")}, "limit `log_bytes`"),
        ({"settings": {"scopes": []}, "limits": guardhouse_checks.Limits(queue=-1)}, "limit `queue`"),
    ],
)
def test_an_invalid_option_is_a_config_error(options: dict[str, Any], text: str) -> None:
    with pytest.raises(guardhouse_checks.ConfigError, match=text):
        guardhouse_checks.check(SCOPES, **options)


def test_settings_for_a_plugin_without_settings_are_a_config_error() -> None:
    with pytest.raises(guardhouse_checks.ConfigError, match="takes no settings"):
        guardhouse_checks.check("builtin:require-auth", settings={"scopes": []})


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("require-auth", {"settings": {"scopes": ["admin"]}}, "takes no settings"),
        ("require-auth", {"settings": {}}, "takes no settings"),
        ("require-scopes", {}, "missing field `scopes`"),
        ("require-scopes", {"settings": {"scopes": "read"}}, "at `scopes`: invalid type"),
        ("require-scopes", {"settings": {"scopes": ["read", 1]}}, r"at `scopes\[1\]`: invalid type"),
        ("require-scopes", {"settings": {"scopes": [], "scope": []}}, "unknown field `scope`"),
        ("restrict-tag", {"settings": {"tag": "a"}}, "missing field `scopes`"),
        ("restrict-tag", {"settings": {"tag": "a", "scopes": [], "tags": []}}, "unknown field `tags`"),
        ("require-roles", {"settings": {"roles": [], "claim": "/a"}}, "needs at least one role"),
        ("require-roles", {"settings": {"roles": ["a"], "claim": "/a~2b"}}, "not a JSON pointer"),
        ("require-roles", {"settings": {"roles": ["a"], "claim": "a"}}, "not a JSON pointer"),
        ("require-auth", {"limits": guardhouse_checks.Limits()}, "`limits` cannot apply to `native:require-auth`"),
        ("require-auth", {"grants": ["raw-token"]}, "`grants` cannot apply"),
        ("require-auth", {"tenant": "acme"}, "`tenant` cannot apply.*use `builtin:require-auth`"),
    ],
)
def test_an_option_that_cannot_apply_to_a_native_check_is_a_config_error(
    name: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(guardhouse_checks.ConfigError, match=text):
        guardhouse_checks.check(f"native:{name}", **options)


def test_an_unknown_native_check_is_a_load_error_that_names_the_native_checks() -> None:
    with pytest.raises(guardhouse_checks.LoadError, match="`require-luck` does not exist; use .*`require-roles`"):
        guardhouse_checks.check("native:require-luck")


def test_the_name_of_a_native_check_is_in_its_reports() -> None:
    for options, name in (({}, "native:require-auth"), ({"id": "anybody"}, "anybody")):
        made = guardhouse_checks.check("native:require-auth", **options)
        context = guardhouse_checks.AuthContext(guardhouse_checks.Component("tool", "any"))
        report = guardhouse_checks.run_auth_checks(made, context).report
        assert report is not None
        assert (made.id, report.checks[0].id) == (name, name)
    with pytest.raises(guardhouse_checks.ConfigError, match="`id` must not be empty"):
        guardhouse_checks.check("builtin:require-auth", id="")


def test_a_missing_grant_is_a_config_error() -> None:
    with pytest.raises(guardhouse_checks.ConfigError, match="needs the grant `raw-token`"):
        guardhouse_checks.check(reads_raw_token())


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("deadline", 0.05, '`deadline` must be a duration such as "200ms" or a `timedelta`, not 0.05'),
        ("deadline", 5, "`deadline` must be a duration"),
        ("memory_bytes", 1.5, '`memory_bytes` must be a size such as "64MiB" or a whole number of bytes, not 1.5'),
        ("memory_bytes", True, "`memory_bytes` must be a size"),
        ("queue", "10", "`queue` must be a whole number, not '10'"),
        ("fuel", 1e9, "`fuel` must be a whole number"),
    ],
)
def test_a_limit_of_another_type_is_a_type_error(name: str, value: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        guardhouse_checks.Limits(**{name: value})


def test_limits_may_be_text_or_numbers() -> None:
    same = [
        guardhouse_checks.Limits(deadline="1500ms", cpu_time="1s", memory_bytes="4MiB", standby=0),
        guardhouse_checks.Limits(deadline=timedelta(seconds=1.5), cpu_time=timedelta(1 / 86400), memory_bytes=4 << 20),
    ]
    for limits in same:
        assert guardhouse_checks.check("builtin:require-auth", limits=limits)


def test_a_host_that_cannot_start_is_a_host_error() -> None:
    hosts = {
        "instances": guardhouse_checks.Host(guardhouse_checks.HostLimits(instances=0)),
        "limit `image_bytes`": guardhouse_checks.Host(guardhouse_checks.HostLimits(image_bytes="16 MiB")),
        "`tick`": guardhouse_checks.Host(tick="soon"),
    }
    for text, host in hosts.items():
        with pytest.raises(guardhouse_checks.HostError, match=text):
            guardhouse_checks.check("builtin:require-auth", host=host)


def test_a_check_has_a_name(tmp_path: Path) -> None:
    path = tmp_path / "policy.wasm"
    path.write_bytes(plugin("allow"))
    assert guardhouse_checks.check(path).id == "policy.wasm"
    assert guardhouse_checks.check(path, id="payments").id == "payments"
    assert guardhouse_checks.check("builtin:require-auth").id == "builtin:require-auth"
    made = guardhouse_checks.check(plugin("allow"))
    assert made.id == made.digest and made.id.startswith("sha256:")


def test_a_cache_keeps_machine_code(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    guardhouse_checks.check("builtin:require-auth", host=guardhouse_checks.Host(cache=cache))
    assert any(path.is_file() for path in cache.rglob("*"))


def test_a_pickled_copy_is_the_same_check(tmp_path: Path) -> None:
    path = tmp_path / "policy.wasm"
    path.write_bytes(plugin("allow"))
    made = guardhouse_checks.check(path, host=guardhouse_checks.Host(guardhouse_checks.HostLimits(instances=8)))
    # The copy has the bytes that were loaded, even if the file has changed.
    path.write_bytes(plugin("deny"))
    copy = pickle.loads(pickle.dumps(made))
    assert (type(copy), copy.id, copy.digest) == (type(made), made.id, made.digest)
    context = guardhouse_checks.AuthContext(guardhouse_checks.Component("tool", "any"))
    assert guardhouse_checks.run_auth_checks(copy, context)


def test_the_command_line_is_the_binarys(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "guardhouse_checks", *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)

    context = '{"component": {"kind": "tool", "name": "x"}, "token": {"client_id": "c", "scopes": ["read"]}}'
    for scope, code in (("read", 0), ("write", 2)):
        settings = f'{{"scopes": ["{scope}"]}}'
        assert run("check", "--plugin", SCOPES, "--settings", settings, "--context", context).returncode == code
    assert run("check").returncode == 1
