"""A middleware that passes call arguments to checks, and refuses to serve guarded components over stdio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from fastmcp.exceptions import AuthorizationError
from fastmcp.server.middleware import AuthMiddleware, Middleware
from mcp.types import CompleteResult, Completion

from guardhouse_checks._check import Check
from guardhouse_checks._fastmcp_request import CALL, Call, current_request
from guardhouse_checks._record import LOGGER


class GuardhouseMiddleware(Middleware):
    """Passes the action and the arguments of a request to checks. Place it before every `AuthMiddleware`, and after
    any middleware that changes arguments.

        mcp = FastMCP("Bank", middleware=[GuardhouseMiddleware()])

    FastMCP does not evaluate any check over stdio. With `stdio="refuse"`, components that one of Guardhouse's checks
    guards are not served over stdio: they cannot be listed, called, read or completed. With `stdio="allow"`, they are
    served to everyone who can start the server.
    """

    def __init__(self, *, stdio: Literal["refuse", "allow"] = "refuse") -> None:
        if stdio not in ("refuse", "allow"):
            raise ValueError(f"`stdio` must be `refuse` or `allow`, not {stdio!r}")
        self._refuses_stdio = stdio == "refuse"
        self._has_warned = False

    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        """Passes the arguments of the call to checks."""
        message = context.message
        await self._refuse_call(context, "tool", message.name)
        return await self._with_call(context, call_next, message.name, message.arguments or {})

    async def on_get_prompt(self, context: Any, call_next: Any) -> Any:
        """Passes the arguments of the prompt to checks."""
        message = context.message
        await self._refuse_call(context, "prompt", message.name)
        return await self._with_call(context, call_next, message.name, message.arguments or {})

    async def on_read_resource(self, context: Any, call_next: Any) -> Any:
        """Passes the URI of the resource to checks."""
        await self.check_resource_access(context)
        return await self._with_call(context, call_next, None, {"uri": str(context.message.uri)})

    async def check_resource_access(self, context: Any) -> None:
        """Refuses guarded resources over stdio."""
        await self._refuse_call(context, "resource", str(context.message.uri))

    async def on_request(self, context: Any, call_next: Any) -> Any:
        """Over stdio, completes nothing for guarded components, as FastMCP does for hidden ones."""
        if context.method == "completion/complete":
            for kind, name in _completed(context.message):
                if await self._is_refused(context, kind, name):
                    return CompleteResult(completion=Completion(values=[]))
        return await call_next(context)

    async def on_list_tools(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None, None))

    async def on_list_resources(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None, None))

    async def on_list_resource_templates(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None, None))

    async def on_list_prompts(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None, None))

    async def _with_call(
        self, context: Any, call_next: Any, component: str | None, arguments: Mapping[str, Any] | None
    ) -> Any:
        server = _server(context)
        call = Call(current_request(), server, context.method or "", component, arguments)
        token = CALL.set(call)
        try:
            return await call_next(context)
        finally:
            CALL.reset(token)

    async def _refuse_call(self, context: Any, kind: str, name: str) -> None:
        if await self._is_refused(context, kind, name):
            raise AuthorizationError(f"{kind} '{name}' is guarded, and is not served over stdio")

    async def _is_refused(self, context: Any, kind: str, name: str) -> bool:
        if not self._refuses(context):
            return False
        server = _server(context)
        is_guarded = _guards_all(server) or any(
            [await _is_guarded(found) for found in await _found(server, kind, name)]
        )
        if is_guarded:
            self._warn()
        return is_guarded

    async def _without_guarded(self, context: Any, components: Sequence[Any]) -> Sequence[Any]:
        if not self._refuses(context):
            return components
        guards_all = _guards_all(_server(context))
        served = [each for each in components if not (guards_all or await _is_guarded(each))]
        if len(served) < len(components):
            self._warn()
        return served

    def _refuses(self, context: Any) -> bool:
        return self._refuses_stdio and getattr(context.fastmcp_context, "transport", None) == "stdio"

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            LOGGER.warning("FastMCP does not evaluate checks over stdio: guarded components are not served")


def _completed(message: Any) -> list[tuple[str, str]]:
    """The components that a completion request names. It is not validated yet, so it may name more than one."""
    reference = _member(message, "ref")
    named = (("prompt", _member(reference, "name")), ("resource", _member(reference, "uri")))
    return [(kind, str(name)) for kind, name in named if name is not None]


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)  # pyright: ignore


def _server(context: Any) -> Any:
    return None if context.fastmcp_context is None else context.fastmcp_context.fastmcp


async def _found(server: Any, kind: str, name: str) -> list[Any]:
    """Every version of the component with this name."""
    match kind:
        case "tool":
            listed, found = await server.list_tools(run_middleware=False), await server.get_tool(name)
        case "prompt":
            listed, found = await server.list_prompts(run_middleware=False), await server.get_prompt(name)
        case "template":
            templates = await server.list_resource_templates(run_middleware=False)
            return [each for each in templates if each.uri_template == name]
        case _:
            resources = await server.list_resources(run_middleware=False)
            listed = [each for each in resources if str(each.uri) == name]
            listed += await _found(server, "template", name)
            return [*listed, await server.get_resource(name), await server.get_resource_template(name)]
    return [each for each in [*listed, found] if each is not None and each.name == name]


def _checks(auth: Any) -> Iterable[Any]:
    return auth if isinstance(auth, list) else [auth]  # pyright: ignore[reportUnknownVariableType]


async def _is_guarded(component: Any) -> bool:
    if component is None:
        return False
    if any(isinstance(check, Check) for check in _checks(getattr(component, "auth", None))):
        return True
    transformed = getattr(component, "parent_tool", None)
    if transformed is not None:
        return await _is_guarded(transformed)
    server = getattr(component, "_server", None)
    if server is None:
        return False
    # A mounted component does not show what guards it in its own server. If it is not found there, it is not served.
    originals = ("_original_name", "_original_uri", "_original_uri_template")
    name = next((str(getattr(component, each)) for each in originals if getattr(component, each, None)), "")
    found = await _found(server, component.KEY_PREFIX, name)
    return _guards_all(server) or not found or any([await _is_guarded(each) for each in found])


def _guards_all(server: Any) -> bool:
    middleware = [each for each in getattr(server, "middleware", ()) if isinstance(each, AuthMiddleware)]
    return any(isinstance(check, Check) for each in middleware for check in _checks(each.auth))
