"""The type of the settings, compared with their schema.

The host validates settings against the schema, and the SDK then reads them into the type. Where they contradict each
other, settings that the host accepts are never accepted, or a member is never set.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from .signatures import definitions
from .sources import Source, imported

# The JSON types that each type can be read from.
_SCALARS = {
    "str": {"string"}, "bool": {"boolean"}, "int": {"integer", "number"}, "float": {"number", "integer"},
    "None": {"null"}, "dict": {"object"}, "list": {"array"},
}  # fmt: skip
_ARRAYS = {"list", "set", "frozenset", "Set", "Sequence", "Iterable"}
_MAPPINGS = {"dict", "Mapping"}

# Members of a schema that say more about properties than `properties` does.
_COMPOSED = {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas"}

Json = dict[str, Any]


def faults(sources: list[Source], schema: object) -> Iterator[str]:
    """The contradictions between the annotated type of the settings and the schema, each with its line."""
    check = definitions(sources[0]).get("check")
    if check is None or not isinstance(schema, dict):
        return
    parameters = [*check.args.posonlyargs, *check.args.args]
    if len(parameters) == 2 and parameters[1].annotation is not None:
        yield from _Reader(sources).compare(sources[0], parameters[1].annotation, cast("Json", schema), "")


@dataclass(frozen=True)
class _Field:
    name: str
    """Its name in JSON."""
    line: int
    annotation: ast.expr
    is_required: bool


class _Reader:
    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._seen: set[str] = set()

    def compare(self, source: Source, annotation: ast.expr, schema: Json, pointer: str) -> Iterator[str]:
        """The contradictions of a type and a part of the schema. A type that is not known here has none."""
        found = self._class(source, annotation)
        if found is None or (fields := _fields(found[1])) is None or _COMPOSED & schema.keys():
            return
        home, node = found
        properties = schema.get("properties")
        if not isinstance(properties, dict) or node.name in self._seen:
            return
        self._seen.add(node.name)
        known = {field.name for field in fields}
        required = schema.get("required")
        names = [*properties, *(name for name in (required if isinstance(required, list) else []))]
        for name in dict.fromkeys(names):
            # A property that nothing fits says that it is never set.
            if name not in known and properties.get(name) is not False:
                yield (
                    f"{home.file}:{node.lineno}: `{node.name}` has no member `{name}`, and settings.schema.json has "
                    f"`{pointer}/{name}`: settings with it would always be rejected; add the member, or remove the property"
                )
        for field in fields:
            where = f"{home.file}:{field.line}: "
            member = properties.get(field.name)
            if member is None and schema.get("additionalProperties") is False and field.is_required:
                yield (
                    f"{where}`{field.name}` must be set, and settings.schema.json does not allow `{pointer}/{field.name}`: "
                    f"add the property, or give the member a default"
                )
            if not isinstance(member, dict):
                continue
            part = cast("Json", member)
            types, accepted = _types(part), self._accepted(home, field.annotation)
            if types is not None and accepted is not None and not types & accepted:
                yield (
                    f"{where}`{field.name}` is `{ast.unparse(field.annotation)}`, and settings.schema.json has "
                    f"`{pointer}/{field.name}` as {_listed(types)}: no value fits both"
                )
            else:
                yield from self._compare_inside(home, field.annotation, part, f"{pointer}/{field.name}")

    def _compare_inside(self, source: Source, annotation: ast.expr, schema: Json, pointer: str) -> Iterator[str]:
        """Compares the dataclasses in an annotation."""
        for part in _alternatives(_parsed(annotation)):
            items = schema.get("items")
            if isinstance(part, ast.Subscript) and _name(part.value) in _ARRAYS and isinstance(items, dict):
                yield from self._compare_inside(source, part.slice, cast("Json", items), f"{pointer}/*")
            elif isinstance(part, ast.Name):
                yield from self.compare(source, part, schema, pointer)

    def _accepted(self, source: Source, annotation: ast.expr) -> set[str] | None:
        """The JSON types that a type is read from, or None if they are not known."""
        accepted: set[str] = set()
        for part in _alternatives(_parsed(annotation)):
            outer = _name(part.value) if isinstance(part, ast.Subscript) else None
            if isinstance(part, ast.Constant) and part.value is None:
                accepted.add("null")
            elif outer in _ARRAYS or outer == "tuple":
                accepted.add("array")
            elif outer in _MAPPINGS:
                accepted.add("object")
            elif isinstance(part, ast.Name) and part.id in _SCALARS and self._class(source, part) is None:
                accepted |= _SCALARS[part.id]
            elif (found := self._class(source, part)) is not None and _fields(found[1]) is not None:
                accepted.add("object")
            else:
                return None
        return accepted

    def _class(self, source: Source, annotation: ast.expr) -> tuple[Source, ast.ClassDef] | None:
        """The class with the name of an annotation, and its module: this one, or one of the project that it imports
        the name from."""
        annotation = _parsed(annotation)
        if not isinstance(annotation, ast.Name):
            return None
        reached = set(imported(source, source.tree.body))
        homes = [source, *(other for other in self._sources if f"{other.name}.{annotation.id}" in reached)]
        for home in homes:
            for node in home.tree.body:
                if isinstance(node, ast.ClassDef) and node.name == annotation.id:
                    return home, node
        return None


def _fields(node: ast.ClassDef) -> list[_Field] | None:
    """The fields of a dataclass, or None for another class and for one whose fields come from elsewhere."""
    if node.bases or node.keywords or not any(_name(_called(item)) == "dataclass" for item in node.decorator_list):
        return None
    fields: list[_Field] = []
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        outer = _parsed(statement.annotation)
        if _name(outer.value if isinstance(outer, ast.Subscript) else outer) in ("ClassVar", "InitVar", "KW_ONLY"):
            if _name(outer) == "InitVar" or isinstance(outer, ast.Subscript) and _name(outer.value) == "InitVar":
                return None
            continue
        name, is_required = statement.target.id, statement.value is None
        if isinstance(statement.value, ast.Call):
            options = {keyword.arg: keyword.value for keyword in statement.value.keywords}
            if _name(statement.value.func) == "field":
                if None in options or statement.value.args:
                    return None
                init = options.get("init")
                if init is not None and not (isinstance(init, ast.Constant) and init.value is True):
                    continue
                is_required = not options.keys() & {"default", "default_factory"}
                if "metadata" in options:
                    written = _json_name(options["metadata"], name)
                    if written is None:
                        return None
                    name = written
        fields.append(_Field(name, statement.lineno, statement.annotation, is_required))
    return fields


def _json_name(metadata: ast.expr, name: str) -> str | None:
    """The name of a member in JSON, or None if the metadata are not written out."""
    try:
        found = ast.literal_eval(metadata)
    except ValueError:
        return None
    return str(found.get("json", name)) if isinstance(found, dict) else None


def _types(schema: Json) -> set[str] | None:
    """The types that a schema allows, or None if it does not say."""
    found = schema.get("type")
    if isinstance(found, str):
        return {found}
    return {str(one) for one in found} if isinstance(found, list) and found else None


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    """The members of a union."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        yield from _alternatives(_parsed(annotation.left))
        yield from _alternatives(_parsed(annotation.right))
    elif isinstance(annotation, ast.Subscript) and _name(annotation.value) == "Optional":
        yield from _alternatives(_parsed(annotation.slice))
        yield ast.Constant(None)
    elif isinstance(annotation, ast.Subscript) and _name(annotation.value) == "Union":
        inner = annotation.slice
        for part in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
            yield from _alternatives(_parsed(part))
    else:
        yield annotation


def _parsed(annotation: ast.expr) -> ast.expr:
    """An annotation that may be written as a string."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            pass
    return annotation


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _name(expression: ast.expr) -> str:
    """The last name of an expression: `field` of `dataclasses.field`."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def _listed(types: set[str]) -> str:
    return " or ".join(f"`{one}`" for one in sorted(types))
