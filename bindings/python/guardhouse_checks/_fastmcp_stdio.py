"""The refusal over stdio, where FastMCP evaluates no check: nothing is served but what can be resolved to something
unguarded.

A request is resolved twice: before it goes on, by its name, and in FastMCP's own lookup, by the component that is found
there. Other middleware may have changed the name in between.
"""

from __future__ import annotations

import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from fastmcp.exceptions import AuthorizationError, NotFoundError
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.server.transforms import Transform

from guardhouse_checks._fastmcp_guarded import REFUSING, Answer, Resolver, guards_all, refusing
from guardhouse_checks._fastmcp_lookup import Kind, exact_version, listed_name, requested_version
from guardhouse_checks._record import LOGGER

_KINDS: dict[str, Kind] = {
    "tools/list": "tool",
    "resources/list": "resource",
    "resources/templates/list": "template",
    "prompts/list": "prompt",
}


class StdioRefusal(Middleware):
    """The part of `GuardhouseMiddleware` that refuses over stdio.

    It takes more places than that of the whole middleware: before each cache, whose store another process may fill, one
    that evaluates checks; and if tools are injected, before that and last, where no name changes any more.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._has_warned = False

    def _refuses(self, context: Any) -> bool:
        return self._is_on and getattr(context.fastmcp_context, "transport", None) == "stdio"

    @contextmanager
    def within(self, context: Any) -> Generator[None, None, None]:
        """Within it, FastMCP's lookups find nothing that is guarded."""
        if not self._refuses(context):
            yield
            return
        server = context.fastmcp_context.fastmcp
        _hide_guarded(server)
        self._take_places(server.middleware)
        with refusing(True):
            yield

    async def refuse(self, context: Any, kind: Kind, name: str) -> None:
        """Raises if the request cannot be resolved to something unguarded."""
        if not self._refuses(context):
            return
        try:
            # A cache may remember a component that would be hidden now: ask for the one that is found without hiding.
            with refusing(False):
                server, version = context.fastmcp_context.fastmcp, requested_version(context.message)
                answer = await Resolver(_hide_guarded).resolve(server, kind, name, version)
        except Exception:
            LOGGER.debug("%s %r cannot be resolved", kind, name, exc_info=True)
            answer = Answer.UNRESOLVED
        if answer is Answer.OPEN:
            return
        if answer is Answer.UNKNOWN:
            raise NotFoundError(f"Unknown {kind}: {name!r}")
        self._warn()
        reason = "is guarded" if answer is Answer.GUARDED else "could not be resolved"
        raise AuthorizationError(f"{kind} '{name}' {reason}, and is not served over stdio")

    async def without_guarded(self, context: Any, components: Sequence[Any]) -> Sequence[Any]:
        """The entries of a list that can be resolved to something unguarded. The entries themselves may be copies that
        do not show what guards them."""
        if not self._refuses(context):
            return components
        server, kind = context.fastmcp_context.fastmcp, _KINDS[context.method]
        resolver = Resolver(_hide_guarded, of_a_list=True)
        served: list[Any] = []
        for each in components:
            try:
                with refusing(False):
                    answer = await resolver.resolve(server, kind, listed_name(each), exact_version(each))
                if answer is Answer.OPEN and await resolver.judge(each) is Answer.OPEN:
                    served.append(each)
            except Exception:
                LOGGER.debug("%r cannot be resolved", each, exc_info=True)
        if len(served) < len(components):
            self._warn()
        return served

    def _take_places(self, middleware: list[Any]) -> None:
        for each in [each for each in middleware if _answers_itself(each)]:
            place = middleware.index(each)
            if place == 0 or not self._is_at(middleware[place - 1]):
                middleware.insert(place, self)
        # FastMCP's lookup of injected tools cannot hide any.
        if any(isinstance(each, ToolInjectionMiddleware) for each in middleware) and not self._is_at(middleware[-1]):
            middleware.append(self)

    def _is_at(self, middleware: Any) -> bool:
        return getattr(middleware, "_stdio", middleware) is self

    async def on_message(self, context: Any, call_next: Any) -> Any:
        with self.within(context):
            return await call_next(context)

    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        await self.refuse(context, "tool", context.message.name)
        return await call_next(context)

    async def on_get_prompt(self, context: Any, call_next: Any) -> Any:
        await self.refuse(context, "prompt", context.message.name)
        return await call_next(context)

    async def check_resource_access(self, context: Any) -> None:
        await self.refuse(context, "resource", str(context.message.uri))

    async def on_read_resource(self, context: Any, call_next: Any) -> Any:
        await self.check_resource_access(context)
        return await call_next(context)

    async def _on_list(self, context: Any, call_next: Any) -> Any:
        return await self.without_guarded(context, await call_next(context))

    on_list_tools = on_list_resources = on_list_resource_templates = on_list_prompts = _on_list

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            LOGGER.warning("FastMCP does not evaluate checks over stdio: guarded components are not served")


def _answers_itself(middleware: Any) -> bool:
    # Early versions of FastMCP 3.4 look injected tools up in the middleware. The module of caches need not be installed.
    if isinstance(middleware, ToolInjectionMiddleware):
        return True
    return any(each.__name__ == "ResponseCachingMiddleware" for each in type(middleware).__mro__)


def _hide_guarded(server: Any) -> None:
    """Adds the transform that hides guarded components, once."""
    if not any(isinstance(each, _Hidden) for each in server.transforms):
        server.add_transform(_Hidden(server))


class _Hidden(Transform):
    """Hides the guarded components of a server while a request is served over stdio."""

    def __init__(self, server: Any) -> None:
        self._server = weakref.ref(server)

    async def list_tools(self, tools: Sequence[Any]) -> Sequence[Any]:
        return await self._each(tools)

    async def list_resources(self, resources: Sequence[Any]) -> Sequence[Any]:
        return await self._each(resources)

    async def list_resource_templates(self, templates: Sequence[Any]) -> Sequence[Any]:
        return await self._each(templates)

    async def list_prompts(self, prompts: Sequence[Any]) -> Sequence[Any]:
        return await self._each(prompts)

    async def get_tool(self, name: str, call_next: Any, *, version: Any = None) -> Any:
        return await self._one(await call_next(name, version=version))

    async def get_resource(self, uri: str, call_next: Any, *, version: Any = None) -> Any:
        found = await call_next(uri, version=version)
        if found is not None and await self._one(found) is None:
            # As in FastMCP itself: a resource that may not be read is not read from a template with its URI either.
            raise AuthorizationError(f"resource {uri!r} is not served over stdio")
        return found

    async def get_resource_template(self, uri: str, call_next: Any, *, version: Any = None) -> Any:
        return await self._one(await call_next(uri, version=version), uri)

    async def get_prompt(self, name: str, call_next: Any, *, version: Any = None) -> Any:
        return await self._one(await call_next(name, version=version))

    async def _each(self, components: Sequence[Any]) -> Sequence[Any]:
        if not REFUSING.get():
            return components
        if guards_all(self._server()):
            return []
        resolver = Resolver(_hide_guarded, of_a_list=True)
        return [each for each in components if await resolver.judge(each) is Answer.OPEN]

    async def _one(self, component: Any, uri: str | None = None) -> Any:
        if component is None or not REFUSING.get():
            return component
        if guards_all(self._server()) or await Resolver(_hide_guarded).judge(component, uri) is not Answer.OPEN:
            return None
        return component
