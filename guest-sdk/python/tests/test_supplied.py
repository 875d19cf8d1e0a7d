"""The files of a development build: a copy that answers like the folder that it was made from."""

import io
import json
import os
import tempfile
import unittest
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from guardhouse_sdk._documents import Documents
from guardhouse_sdk._guest.supplied import Supplied
from guardhouse_sdk.build.development import Copy

FILES = {
    "check.py": b"import tables\n",
    "tables/a~b.json": '{"é": 1}\r\n'.encode(),
    "tables/deep/empty": b"",
    "third_party/tool.py": b"",
}

Operation = Callable[..., Any]


def outcome(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except OSError as error:
        return type(error), error.errno


class Answers(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name, content in FILES.items():
            path = Path(self.folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        copy = Copy()
        copy.add("/1", Path(self.folder))
        document = json.loads(json.dumps({"tree": copy.tree, "content": copy.content}))
        self.supplied = Supplied([lambda _: None, Documents(None, None, None, document, None).attribute])

    def copied(self, function: Operation, name: str, *arguments: Any, **named: Any) -> Any:
        path = f"/1/{name}" if name else "/1"
        return outcome(lambda: self.supplied.operation(function, (path, *arguments), named))

    def real(self, function: Operation, name: str, *arguments: Any, **named: Any) -> Any:
        return outcome(lambda: function(os.path.join(self.folder, name), *arguments, **named))

    def test_it_answers_like_the_folder(self) -> None:
        paths = ("", "check.py", "tables", "tables/", "tables/../check.py", "tables/a~b.json", "tables/deep/empty", "nothing", "nothing/at/all", "check.py/x")
        for path in paths:
            for function in (os.stat, os.lstat):
                found, expected = self.copied(function, path), self.real(function, path)
                if isinstance(expected, os.stat_result):
                    self.assertEqual(found.st_mode & 0o170000, expected.st_mode & 0o170000, path)
                    if path in FILES:
                        self.assertEqual(found.st_size, expected.st_size, path)
                else:
                    self.assertEqual(found, expected, path)
            self.assertEqual(self.copied(os.access, path, os.R_OK), self.real(os.access, path, os.R_OK), path)
        for path in ("tables", "tables/deep", "nothing", "check.py"):
            found, expected = self.copied(os.listdir, path), self.real(os.listdir, path)
            self.assertEqual(sorted(found) if isinstance(found, list) else found, sorted(expected) if isinstance(expected, list) else expected)

    def test_files_are_read_like_those_of_the_folder(self) -> None:
        def read(file: Any) -> Any:
            if isinstance(file, tuple):
                return file
            with file:
                return file.read()

        for path in ("check.py", "tables/a~b.json", "tables/deep/empty", "tables", "nothing"):
            for options in ({}, {"mode": "rb"}, {"encoding": "utf-8", "newline": ""}, {"mode": "rt", "encoding": "latin-1"}):
                found, expected = (read(get(io.open, path, **options)) for get in (self.copied, self.real))
                self.assertEqual(found, expected, (path, options))
            self.assertEqual(read(self.copied(io.open_code, path)), read(self.copied(io.open, path, "rb")))

    def test_folders_are_walked_like_the_folder(self) -> None:
        def entries(found: Any) -> set[tuple[str, bool, bool, bool]]:
            with found:
                return {(entry.name, entry.is_dir(), entry.is_file(), entry.is_symlink()) for entry in found}

        def stat(path: str) -> Any:
            return self.supplied.operation(os.stat, (path,), {})

        with unittest.mock.patch.object(os, "stat", stat):
            found = entries(self.copied(os.scandir, "tables"))
        self.assertEqual(found, entries(self.real(os.scandir, "tables")))
        self.assertIsNone(self.supplied.missing)

    def test_the_copy_is_bounded(self) -> None:
        os.symlink(self.folder, Path(self.folder, "around"))
        for most_files, most_bytes, expected in ((9, 99, [13, 11]), (1, 99, [13, False]), (9, 12, [False, 11]), (0, 99, [False, False])):
            copy = Copy(most_files, most_bytes)
            copy.add("/1", Path(self.folder))
            self.assertIs(copy.tree["/1"]["around"], False)
            entries = copy.tree.get("/1/tables", {})
            found = [copy.tree["/1"]["check.py"], entries.get("a~b.json", False)]
            self.assertEqual([bool(one) for one in found], [bool(one) for one in expected])
            self.assertLessEqual(len(copy.content), most_files)

    def test_an_operation_that_it_cannot_answer_is_noted(self) -> None:
        other: Any = SimpleNamespace(__name__="urandom")
        for run, missing in (
            (lambda: self.copied(other, "check.py"), "`urandom`"),
            (lambda: self.copied(os.mkdir, "new"), "`mkdir`"),
            (lambda: self.copied(io.open, "check.py", "w"), "file `/1/check.py` in the mode 'w'"),
            (lambda: self.copied(io.open, "third_party/tool.py"), "file `/1/third_party/tool.py`"),
            (lambda: self.copied(os.stat, "third_party"), "file `/1/third_party`"),
            (lambda: outcome(lambda: self.supplied.operation(os.stat, (3,), {})), "`stat`"),
            (lambda: outcome(lambda: self.supplied.operation(os.stat, (b"/1",), {})), "`stat`"),
        ):
            self.supplied.missing = None
            self.assertEqual(run()[0], PermissionError)
            self.assertEqual(self.supplied.missing, missing)
            self.copied(os.rmdir, "tables")
            self.assertEqual(self.supplied.missing, missing, "the first is kept")


if __name__ == "__main__":
    unittest.main()
