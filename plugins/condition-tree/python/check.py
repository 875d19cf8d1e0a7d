"""Allows the requests for which a tree of conditions is true."""

import operator
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from typing import Any, cast

from guardhouse_sdk import AuthContext, AuthorizationError

Condition = dict[str, Any]
"""An object with one member, as `settings.schema.json` describes it."""

COMPARISONS = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}


def check(ctx: AuthContext, settings: dict[str, Any]) -> bool:
    answer = evaluate(settings["condition"], ctx)
    if answer is None:
        raise AuthorizationError("an input of the policy is missing or has another type")
    return answer


def validate(settings: dict[str, Any]) -> None:
    """Rejects what the schema cannot: texts that are not networks."""
    for network in networks(settings["condition"]):
        if parse_network(network) is None:
            raise ValueError(f"`{network}` is not a network")


def evaluate(condition: Condition, ctx: AuthContext) -> bool | None:
    """True or False; None if the answer depends on an input that is missing. The schema bounds the depth."""
    ((kind, operand),) = condition.items()
    match kind:
        case "all":
            return first_or_all(operand, ctx, decisive=False)
        case "any":
            return first_or_all(operand, ctx, decisive=True)
        case "none":
            answer = first_or_all(operand, ctx, decisive=True)
            return None if answer is None else not answer
        case "compare":
            number = amount(ctx.argument(operand["argument"]))
            return None if number is None else COMPARISONS[operand["is"]](number, operand["number"])
        case "equals":
            claim = ctx.claim(operand["claim"])
            return claim == operand["text"] if isinstance(claim, str) else None
        case "contains":
            claims = texts(ctx.claim(operand["claim"]))
            return None if claims is None else operand["text"] in claims
        case "network":
            address = parse_address(ctx.attribute(operand["attribute"]))
            return None if address is None else any(is_within(address, network) for network in operand["in"])
        case _:
            raise ValueError(f"unknown condition `{kind}`")


def first_or_all(conditions: list[Condition], ctx: AuthContext, decisive: bool) -> bool | None:
    """The decisive answer, if a condition gives it; None, if one is missing; otherwise the opposite."""
    answer: bool | None = not decisive
    for condition in conditions:
        each = evaluate(condition, ctx)
        if each is decisive:
            return decisive
        if each is None:
            answer = None
    return answer


def texts(value: object) -> list[str] | None:
    """The value, if it is a list of strings."""
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    found = [item for item in items if isinstance(item, str)]
    return found if len(found) == len(items) else None


def amount(value: object) -> int | float | None:
    # In Python, bool is a subclass of int.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Many languages would round such a number. A request with one is a fault in all of them.
    if abs(value) > 2**53:
        raise OverflowError(f"{value} is beyond 2^53")
    return value


def parse_address(text: object) -> int | None:
    """An address as a number of 128 bits. That of an IPv4 address is the one that it has in IPv6."""
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return int(address) | 0xFFFF_0000_0000 if isinstance(address, IPv4Address) else int(address)


def parse_network(text: str) -> tuple[int, int] | None:
    """The address of a network, and the number of bits after its prefix."""
    start, _, length = text.partition("/")
    address = parse_address(start)
    rest = (128 if ":" in start else 32) - int(length)
    return None if address is None or rest < 0 else (address, rest)


def is_within(address: int, network: str) -> bool:
    parsed = parse_network(network)
    if parsed is None:
        raise ValueError(f"`{network}` is not a network")
    start, rest = parsed
    return address >> rest == start >> rest


def networks(condition: Condition) -> Iterator[str]:
    """All networks of a tree."""
    for kind, operand in condition.items():
        if kind == "network":
            yield from operand["in"]
        elif kind in ("all", "any", "none"):
            for each in operand:
                yield from networks(each)
