"""A middleware that passes call arguments to checks, and refuses to serve guarded components over stdio."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

from fastmcp.server.context import Context
from fastmcp.server.middleware import Middleware, MiddlewareContext

from guardhouse_checks._fastmcp_attributes import SECRET_HEADERS
from guardhouse_checks._fastmcp_call import Call, end_calls_in_components, pass_on
from guardhouse_checks._fastmcp_list import ask_ahead
from guardhouse_checks._fastmcp_lookup import Kind
from guardhouse_checks._fastmcp_stdio import StdioRefusal
from guardhouse_checks._fastmcp_task import decided, keep_decisions


class GuardhouseMiddleware(Middleware):
    """Passes the action and the arguments of a request to checks. Place it before every `AuthMiddleware` and every
    cache, and after any middleware that changes names or arguments.

        mcp = FastMCP("Bank", middleware=[GuardhouseMiddleware()])

    FastMCP does not evaluate any check over stdio. With `stdio="refuse"`, nothing is served over stdio but components
    without a check, or with only FastMCP's own: others cannot be listed, called, read or completed. With
    `stdio="allow"`, they are served to everyone who can start the server.

    `headers` lists the HTTP headers that checks may read, as `/http/headers/NAME` of the attributes.
    """

    def __init__(self, *, stdio: Literal["refuse", "allow"] = "refuse", headers: Iterable[str] = ()) -> None:
        if stdio not in ("refuse", "allow"):
            raise ValueError(f"`stdio` must be `refuse` or `allow`, not {stdio!r}")
        if isinstance(headers, str):
            raise TypeError("`headers` must be a list of names, not a string")
        self._headers = frozenset(name.lower() for name in headers)
        if secret := self._headers & SECRET_HEADERS:
            raise ValueError(f"`headers` must not have {sorted(secret)}: they are secrets")
        end_calls_in_components()
        keep_decisions(_looking_up)
        self._stdio = StdioRefusal(is_on=stdio == "refuse")

    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        """Passes the arguments of the call to checks."""
        message = context.message
        await self._refuse_call(context, "tool", message.name)
        return await self._with_call(context, call_next, message.arguments or {})

    async def on_get_prompt(self, context: Any, call_next: Any) -> Any:
        """Passes the arguments of the prompt to checks."""
        message = context.message
        await self._refuse_call(context, "prompt", message.name)
        return await self._with_call(context, call_next, message.arguments or {})

    async def on_read_resource(self, context: Any, call_next: Any) -> Any:
        """Passes the URI of the resource to checks."""
        await self.check_resource_access(context)
        return await self._with_call(context, call_next, {"uri": str(context.message.uri)})

    async def check_resource_access(self, context: Any) -> None:
        """Refuses guarded resources over stdio."""
        await self._refuse_call(context, "resource", str(context.message.uri))

    async def on_message(self, context: Any, call_next: Any) -> Any:
        """Over stdio, hides guarded components from FastMCP's lookups, for example from completions."""
        with self._stdio.within(context):
            return await call_next(context)

    async def on_list_tools(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None))

    async def on_list_resources(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None))

    async def on_list_resource_templates(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None))

    async def on_list_prompts(self, context: Any, call_next: Any) -> Any:
        """Omits guarded components over stdio."""
        return await self._without_guarded(context, await self._with_call(context, call_next, None))

    async def _with_call(self, context: Any, call_next: Any, arguments: Mapping[str, Any] | None) -> Any:
        call = Call(context.method or "", arguments, self._headers)
        # Over stdio, FastMCP evaluates no check.
        if arguments is not None or getattr(context.fastmcp_context, "transport", "stdio") == "stdio":
            return await pass_on(call, call_next, context)

        async def listed(context: Any) -> Any:
            await ask_ahead(context.fastmcp_context.fastmcp, context.method)
            return await call_next(context)

        return await pass_on(call, listed, context)

    async def _refuse_call(self, context: Any, kind: Kind, name: str) -> None:
        await self._stdio.refuse(context, kind, name)

    async def _without_guarded(self, context: Any, components: Sequence[Any]) -> Sequence[Any]:
        return await self._stdio.without_guarded(context, components)


@contextmanager
def _looking_up(server: Any) -> Generator[None, None, None]:
    """Within it, a server looks up a component whose task is decided, without any middleware. If it has none of this
    module, nothing is different within it."""
    found = [each for each in server.middleware if isinstance(each, GuardhouseMiddleware)]
    context = MiddlewareContext[None](message=None, fastmcp_context=Context(fastmcp=server))
    with ExitStack() as stack:
        for each in found:
            stack.enter_context(each._stdio.within(context))  # pyright: ignore[reportPrivateUsage]
        if found:
            stack.enter_context(decided())
        yield
