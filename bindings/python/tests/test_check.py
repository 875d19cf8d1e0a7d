"""Making a check: whatever can be wrong before a request is wrong here."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import guardhouse
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
def test_what_is_no_plugin_is_a_load_error(component: bytes, text: str) -> None:
    with pytest.raises(guardhouse.LoadError, match=text):
        guardhouse.check(component)


def test_a_file_that_is_not_there_is_a_load_error(tmp_path: Path) -> None:
    with pytest.raises(guardhouse.LoadError, match="cannot read the plugin"):
        guardhouse.check(tmp_path / "none.wasm")


def test_an_unknown_builtin_is_a_load_error_that_names_those_there_are() -> None:
    with pytest.raises(guardhouse.LoadError, match="there are .*`require-scopes`"):
        guardhouse.check("builtin:require-luck")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"settings": {"scopes": "read"}}, 'at `/scopes`: "read" is not of type "array"'),
        ({"settings": {}}, '"scopes" is a required property'),
        ({"settings": {"scopes": ["a"], "scope": 1}}, "scope"),
        ({"settings": {"scopes": [float("nan")]}}, "the settings are not JSON"),
        ({"settings": {"scopes": []}, "grants": ["everything"]}, "there is no grant `everything`"),
        ({"settings": {"scopes": []}, "grants": "raw-token"}, "`grants` must be a list"),
        ({"settings": {"scopes": []}, "limits": guardhouse.Limits(memory_bytes=1 << 40)}, "Limits::memory_bytes"),
        ({"settings": {"scopes": []}, "limits": guardhouse.Limits(deadline=-1)}, "limit `deadline`"),
    ],
)
def test_what_does_not_fit_is_a_settings_error(options: dict[str, Any], text: str) -> None:
    with pytest.raises(guardhouse.ConfigError, match=text):
        guardhouse.check(SCOPES, **options)


def test_settings_for_a_plugin_that_takes_none_are_a_settings_error() -> None:
    with pytest.raises(guardhouse.ConfigError, match="takes no settings"):
        guardhouse.check("builtin:require-auth", settings={"scopes": []})


def test_a_grant_that_is_missing_is_a_settings_error() -> None:
    with pytest.raises(guardhouse.ConfigError, match="needs the grant `raw-token`"):
        guardhouse.check(reads_raw_token())


def test_a_host_that_cannot_start_is_a_host_error() -> None:
    with pytest.raises(guardhouse.HostError, match="instances"):
        guardhouse.check("builtin:require-auth", host=guardhouse.Host(guardhouse.HostLimits(instances=0)))


def test_a_check_has_a_name(tmp_path: Path) -> None:
    path = tmp_path / "policy.wasm"
    path.write_bytes(plugin("allow"))
    assert guardhouse.check(path).id == "policy.wasm"
    assert guardhouse.check(path, id="payments").id == "payments"
    assert guardhouse.check("builtin:require-auth").id == "builtin:require-auth"
    made = guardhouse.check(plugin("allow"))
    assert made.id == made.digest and made.id.startswith("sha256:")


def test_a_cache_keeps_machine_code(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    guardhouse.check("builtin:require-auth", host=guardhouse.Host(cache=cache))
    assert any(path.is_file() for path in cache.rglob("*"))


def test_a_copy_that_was_pickled_is_the_same_check(tmp_path: Path) -> None:
    path = tmp_path / "policy.wasm"
    path.write_bytes(plugin("allow"))
    made = guardhouse.check(path, host=guardhouse.Host(guardhouse.HostLimits(instances=8)))
    # What was loaded is what is copied, whatever became of the file.
    path.write_bytes(plugin("refuse"))
    copy = pickle.loads(pickle.dumps(made))
    assert (copy.id, copy.digest) == (made.id, made.digest)
    assert guardhouse.run_auth_checks(copy, guardhouse.AuthContext(guardhouse.Component("tool", "any")))


def test_the_command_line_is_the_binarys(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "guardhouse", *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)

    context = '{"component": {"kind": "tool", "name": "x"}, "token": {"client_id": "c", "scopes": ["read"]}}'
    for scope, code in (("read", 0), ("write", 2)):
        settings = f'{{"scopes": ["{scope}"]}}'
        assert run("check", "--plugin", SCOPES, "--settings", settings, "--context", context).returncode == code
    assert run("check").returncode == 1
