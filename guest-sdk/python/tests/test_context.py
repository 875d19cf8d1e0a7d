"""Contexts of unit tests answer like the host."""

import unittest

from guardhouse_sdk import raw_token, testing


class Contexts(unittest.TestCase):
    def test_a_context_starts_with_no_token_and_no_arguments(self) -> None:
        ctx = testing.tool("delete")
        self.assertIsNone(ctx.token)
        self.assertIsNone(raw_token.get(ctx))
        self.assertIsNone(ctx.claim(""))
        self.assertIsNone(ctx.argument(""))
        self.assertEqual((ctx.detail(""), ctx.attribute("")), ({}, {}))
        self.assertEqual((ctx.action, ctx.now), ("tools/call", 0))

    def test_a_property_of_the_token_creates_one(self) -> None:
        for ctx in (
            testing.tool("a", token=True),
            testing.tool("a", client_id="app"),
            testing.tool("a", subject="ada"),
            testing.tool("a", scopes=["read"]),
            testing.tool("a", expires_at=1),
            testing.tool("a", resource_indicator="https://example.com"),
            testing.tool("a", claims={"tid": "acme"}),
            testing.tool("a", raw_token="secret"),
        ):
            self.assertIsNotNone(ctx.token)
            self.assertIsNotNone(ctx.claim(""))

    def test_pointers_reach_into_documents(self) -> None:
        ctx = testing.tool(
            "delete",
            claims={"realm_access": {"roles": ["admin"]}, "a/b": 1, "~": 2, "": 3},
            arguments={"amount": 5},
            details={"title": "Delete"},
            attributes={"peer": "10.0.0.1"},
        )
        self.assertEqual(ctx.claim("/realm_access/roles/0"), "admin")
        self.assertEqual((ctx.claim("/a~1b"), ctx.claim("/~0"), ctx.claim("/")), (1, 2, 3))
        for pointer in ("/other", "/realm_access/roles/1", "/realm_access/roles/00", "/realm_access/roles/-"):
            self.assertIsNone(ctx.claim(pointer), pointer)
        self.assertEqual(ctx.argument(""), {"amount": 5})
        self.assertEqual(ctx.detail("/title"), "Delete")
        self.assertEqual(ctx.attribute("/peer"), "10.0.0.1")

    def test_an_invalid_pointer_is_an_error(self) -> None:
        ctx = testing.tool("delete", claims={"suspended": True}, arguments={"amount": 5})
        for ask in (ctx.claim, ctx.detail, ctx.argument, ctx.attribute):
            for pointer in ("suspended", "/a~b", "/a~"):
                with self.assertRaisesRegex(ValueError, f"`{pointer}` is not a JSON pointer"):
                    ask(pointer)
            with self.assertRaises(UnicodeEncodeError):
                ask("/\ud800")
            with self.assertRaises(TypeError):
                ask(5)  # type: ignore[arg-type]

    def test_null_is_not_absent(self) -> None:
        ctx = testing.tool("delete", arguments={"amount": None})
        self.assertIsNone(ctx.argument("/amount", default=0))
        self.assertEqual(ctx.argument("/other", default=0), 0)

    def test_integers_are_exact(self) -> None:
        ctx = testing.tool("delete", arguments={"amount": 2**63 - 1})
        self.assertEqual(ctx.argument("/amount"), 9_223_372_036_854_775_807)

    def test_only_a_tool_is_a_tool(self) -> None:
        self.assertIsNotNone(testing.tool("a").tool)
        for ctx in (testing.resource("a", "file:///a"), testing.prompt("a"), testing.component("x", "a")):
            self.assertIsNone(ctx.tool)

    def test_scopes_and_tags_are_compared_by_code_point(self) -> None:
        ctx = testing.tool("a", scopes=["read", "", "caf\u00e9"], tags=["Admin"])
        assert ctx.token is not None
        self.assertTrue(ctx.token.has_scopes(["caf\u00e9", "", "read", "read"]))
        self.assertTrue(ctx.token.has_scopes([]))
        for scope in ("Read", "read ", "cafe\u0301", "rea"):
            self.assertFalse(ctx.token.has_scope(scope), scope)
        self.assertEqual(ctx.token.missing_scopes(["write", "read", "admin"]), ["write", "admin"])
        self.assertTrue(ctx.component.has_tag("Admin") and not ctx.component.has_tag("admin"))

    def test_a_string_is_not_a_list_of_scopes(self) -> None:
        ctx = testing.tool("a", token=True)
        assert ctx.token is not None
        with self.assertRaises(TypeError):
            ctx.token.has_scopes("read")

    def test_a_context_is_read_from_the_json_of_the_command_line(self) -> None:
        ctx = testing.context(
            {
                "component": {"kind": "resource", "name": "a", "uri": "file:///a", "detail": {"title": "A"}},
                "action": "resources/read",
                "token": {"client_id": "app", "subject": None, "claims": {"tid": "acme"}, "raw": "secret"},
            }
        )
        assert ctx.token is not None
        self.assertEqual((ctx.token.client_id, ctx.token.subject, ctx.token.scopes), ("app", None, []))
        self.assertEqual((ctx.component.uri, ctx.detail("/title"), ctx.claim("/tid")), ("file:///a", "A", "acme"))
        self.assertEqual(raw_token.get(ctx), "secret")

    def test_unknown_properties_are_an_error(self) -> None:
        with self.assertRaises(TypeError):
            testing.tool("a", scope=["read"])  # type: ignore[call-arg]
        component = {"kind": "tool", "name": "a"}
        for document in (
            {"component": {**component, "tag": ["admin"]}},
            {"component": component, "token": {"client_id": "app", "tags": ["admin"]}},
            {"component": component, "argument": {}},
        ):
            with self.assertRaisesRegex(TypeError, "unknown member `(tag|tags|argument)` in a context"):
                testing.context(document)

    def test_a_string_is_not_a_list_in_a_request(self) -> None:
        for properties in ({"scopes": "read"}, {"tags": "admin"}):
            with self.assertRaises(TypeError):
                testing.tool("a", **properties)  # type: ignore[arg-type]
