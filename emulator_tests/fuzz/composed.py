"""Types that are made of others: containers, unions, embedded models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from hypothesis import strategies as st

from emulator_tests.fuzz import drawing, kinds
from emulator_tests.fuzz.drawing import Draw, chance, one_of
from emulator_tests.fuzz.kinds import Sample, Type
from onto_fn.firestore.canonical import ordered

MAX_DEPTH = 2


@dataclass
class Scope:
    """Where types are drawn.

    Attributes:
        number: of the declaration, which is in the names of its classes.
        collection: of the domain model.
        extra: what the class around does with undeclared keys; a dataclass and a TypedDict do the
            same, as pydantic has it.
        is_camel: whether the class around stores its names in camelCase; they do that as well.
    """

    number: int
    collection: str
    extra: str = "allow"
    is_camel: bool = True
    _names: count[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def within(self, extra: str, *, is_camel: bool) -> Iterator[None]:
        """Types are drawn for a class with its own configuration."""
        before = self.extra, self.is_camel
        self.extra, self.is_camel = extra, is_camel
        yield
        self.extra, self.is_camel = before

    def new(self, name: str) -> str:
        """A name for one more class."""
        return f"{name}{self.number}_{next(self._names)}"


def any_type(draw: Draw, scope: Scope, depth: int = 0, *, within_list: bool = False) -> Type:
    """A type of any kind; a list cannot hold lists."""
    makers: list[Callable[..., Type]] = [_scalar, _scalar, _scalar, _optional]
    if depth < MAX_DEPTH:
        makers += [_mapping, _model, _model]
        if not within_list:
            makers += [_list, _set, _tuple]
        if depth == 0:
            makers += [_discriminated, _union]
    return one_of(draw, makers)(draw, scope, depth, within_list=within_list)


def _scalar(draw: Draw, scope: Scope, depth: int, *, within_list: bool = False) -> Type:
    match draw(st.integers(0, 9)):
        case 0:
            return kinds.enumeration(draw, scope.new("Choice"))
        case 1:
            return kinds.literal(draw)
        case 2:
            return kinds.reference(f"Place{scope.number}", f"places{scope.number}")
        case 3:
            return one_of(draw, kinds.CONSTRAINED)
        case _:
            return one_of(draw, kinds.ITEMS if within_list else kinds.SCALARS)


def _classes(parts: Iterable[Type]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for part in parts for source in part.classes))


def _items(stored: list[Sample]) -> Sample:
    return Sample([item.stored for item in stored], [item.kept for item in stored])


def _list(draw: Draw, scope: Scope, depth: int, **_: Any) -> Type:
    item = any_type(draw, scope, depth + 1, within_list=True)
    is_short = chance(draw, 30)
    source = f"list[{item.source}]"

    def value(draw: Draw) -> Sample:
        return _items([item.value(draw) for _ in range(draw(st.integers(0, 3)))])

    return Type(
        "list",
        f"Annotated[{source}, Field(max_length=3)]" if is_short else source,
        value,
        frozenset({"array"}),
        classes=item.classes,
        parts=(item,),
        is_list=True,
        features=frozenset({"constraint: length"} if is_short else ()),
    )


def _set(draw: Draw, scope: Scope, depth: int, **_: Any) -> Type:
    name = one_of(draw, ["set", "frozenset"])
    hashable = [kind for kind in kinds.SCALARS if kind.identity is not None]
    item = one_of(draw, hashable)
    if chance(draw, 20):
        item = kinds.enumeration(draw, scope.new("Choice"))
    identity = item.identity
    assert identity is not None

    def value(draw: Draw) -> Sample:
        drawn = [item.value(draw).stored for _ in range(draw(st.integers(0, 3)))]
        unique = list({identity(found): found for found in reversed(drawn)}.values())
        return Sample(unique, ordered(frozenset(unique)))

    return Type(
        name,
        f"{name}[{item.source}]",
        value,
        frozenset({"array"}),
        classes=item.classes,
        parts=(item,),
        is_list=True,
    )


def _tuple(draw: Draw, scope: Scope, depth: int, **_: Any) -> Type:
    items = [
        any_type(draw, scope, depth + 1, within_list=True) for _ in range(draw(st.integers(1, 2)))
    ]
    is_named, is_open = chance(draw, 25), len(items) == 1 and chance(draw, 60)

    def value(draw: Draw) -> Sample:
        if is_open:
            return _items([items[0].value(draw) for _ in range(draw(st.integers(0, 3)))])
        return _items([item.value(draw) for item in items])

    made = Type(
        "tuple",
        f"tuple[{', '.join(item.source for item in items)}{', ...' if is_open else ''}]",
        value,
        frozenset({"array"}),
        classes=_classes(items),
        parts=tuple(items),
        is_list=True,
    )
    if is_open or not is_named:
        return made
    name = scope.new("Named")
    fields = "".join(f"\n    part_{n}: {item.source}" for n, item in enumerate(items))
    own = f"class {name}(NamedTuple):{fields}"
    return replace(made, kind="NamedTuple", source=name, classes=(*made.classes, own))


_keys = drawing.raw_keys


def _mapping(draw: Draw, scope: Scope, depth: int, **_: Any) -> Type:
    options = [kind for kind in kinds.SCALARS if kind.key is not None]
    key = one_of(draw, options)
    if chance(draw, 25):
        key = kinds.enumeration(draw, scope.new("Choice"))
        if key.key is None:
            key = options[0]
    item = any_type(draw, scope, depth + 1)
    text = key.key
    assert text is not None

    def value(draw: Draw) -> Sample:
        names: set[str] = set()
        for _ in range(draw(st.integers(0, 3))):
            is_text = key.kind == "str"
            names.add(draw(_keys) if is_text else text(key.value(draw).stored))
        found = {name: item.value(draw) for name in sorted(names) if name}
        return Sample(
            {name: one.stored for name, one in found.items()},
            {name: one.kept for name, one in found.items()},
        )

    return Type(
        f"dict of {key.kind.partition(' ')[0]}",
        f"dict[{key.source}, {item.source}]",
        value,
        frozenset({"map"}),
        classes=_classes((key, item)),
        parts=(key, item),
    )


def _optional(draw: Draw, scope: Scope, depth: int, *, within_list: bool = False) -> Type:
    inner = any_type(draw, scope, depth, within_list=within_list)
    return inner if inner.kind in {"Any", "Optional"} else optional(inner)


def optional(inner: Type) -> Type:
    """A type that may be None."""

    def value(draw: Draw) -> Sample:
        return Sample.of(None) if chance(draw, 30) else inner.value(draw)

    return Type(
        "Optional",
        f"{inner.source} | None",
        value,
        inner.stored | {"null"},
        classes=inner.classes,
        parts=(inner,),
        is_list=inner.is_list,
        features=frozenset({"explicit nulls"}),
        literal=inner.literal,
    )


def _union(draw: Draw, scope: Scope, depth: int, **_: Any) -> Type:
    named = {"bool", "int", "str", "bytes", "datetime"}
    options = [kind for kind in kinds.SCALARS if kind.kind in named]
    parts: list[Type] = draw(
        st.lists(st.sampled_from(options), min_size=2, max_size=3, unique_by=lambda k: k.kind)
    )
    if chance(draw, 30):
        parts = [*parts[:2], _model(draw, scope, depth + 1)]
    elif chance(draw, 30):
        parts = [*parts[:2], _list(draw, scope, MAX_DEPTH)]

    return Type(
        "Union",
        " | ".join(part.source for part in parts),
        lambda draw: one_of(draw, parts).value(draw),
        frozenset().union(*(part.stored for part in parts)),
        classes=_classes(parts),
        parts=tuple(parts),
        is_list=any(part.is_list for part in parts),
    )


def _discriminated(draw: Draw, scope: Scope, depth: int, **_: Any) -> Type:
    base = one_of(draw, ["EmbeddedModel", "BaseModel"])
    parts = [_class(draw, scope, depth + 1, base, tag=tag) for tag in ("one", "two")]
    return Type(
        "Union (discriminated)",
        f'Annotated[{parts[0].source} | {parts[1].source}, Field(discriminator="kind")]',
        lambda draw: one_of(draw, parts).value(draw),
        frozenset({"map"}),
        classes=_classes(parts),
        parts=tuple(parts),
    )


def _model(draw: Draw, scope: Scope, depth: int, **_: Any) -> Type:
    styles = ["EmbeddedModel", "EmbeddedModel", "BaseModel", "dataclass", "TypedDict", "family"]
    style = one_of(draw, styles)
    if style == "family":
        return _family(draw, scope, depth)
    return _class(draw, scope, depth, style)


@dataclass(frozen=True)
class ModelField:
    """A field of an embedded class, or of a domain model.

    Attributes:
        name: in Python.
        stored: in Firestore.
        type: its type.
        alias: kind of the alias that it has; empty if it has none.
        default: source of its default; empty if it is required.
        absent: what a model keeps where the document has no such field.
    """

    name: str
    stored: str
    type: Type
    alias: str = ""
    default: str = ""
    absent: Any = None

    @property
    def is_required(self) -> bool:
        return not self.default

    def declaration(self, call: str = "Field") -> str:
        """The line of its class."""
        head = f"{self.name}: {self.type.source}"
        is_factory = self.default.startswith("default_factory=")
        if not self.alias and not is_factory:
            return f"{head} = {self.default}" if self.default else head
        default = self.default if is_factory or not self.default else f"default={self.default}"
        alias = f"alias={self.stored!r}" if self.alias else ""
        return f"{head} = {call}({', '.join(filter(None, (default, alias)))})"

    def features(self) -> set[str]:
        found = {f"alias: {self.alias}"} if self.alias else set[str]()
        return found | ({"defaults"} if self.default else set())


_FACTORIES = {"list": "list", "set": "set", "frozenset": "frozenset"}


def default_for(draw: Draw, kind: Type) -> tuple[str, Any]:
    """Source and stored form of a default; the source is empty if there is none to draw."""
    if kind.kind == "Optional" and chance(draw, 70):
        return "None", None
    if kind.kind in _FACTORIES:
        return f"default_factory={_FACTORIES[kind.kind]}", []
    if kind.kind.startswith("dict of"):
        return "default_factory=dict", {}
    if kind.literal is not None and chance(draw, 30):
        kept = kind.value(draw).kept
        return ("None", None) if kept is None else (kind.literal(kept), kept)
    return "", None


def to_camel(name: str) -> str:
    """The stored name of a field without an alias, as pydantic's `to_camel` makes it."""
    from pydantic.alias_generators import to_camel as camel

    return camel(name)


def drawn_fields(
    draw: Draw,
    scope: Scope,
    depth: int,
    amount: int,
    *,
    style: str = "EmbeddedModel",
    names: Iterable[str] = drawing.NAMES,
    taken: Iterable[ModelField] = (),
) -> list[ModelField]:
    """Fields of a class, whose names and stored names differ."""
    found: list[ModelField] = []
    used = {f.name for f in taken} | {f.stored for f in taken}
    for name in draw(st.lists(st.sampled_from(list(names)), max_size=amount, unique=True)):
        kind = any_type(draw, scope, depth)
        stored = to_camel(name) if scope.is_camel else name
        alias = ""
        if style in {"EmbeddedModel", "BaseModel", "DomainModel"} and chance(draw, 25):
            alias = one_of(draw, list(drawing.ALIASES))
            stored = one_of(draw, drawing.ALIASES[alias])
        default, absent = ("", None)
        if style != "TypedDict" and chance(draw, 60):
            default, absent = default_for(draw, kind)
        if {stored, name} & used or stored in {"doc_id", "doc_ref", "obj_type", "kind"}:
            continue
        used |= {stored, name}
        found.append(ModelField(name, stored, kind, alias, default, absent))
    return found


def undeclared(draw: Draw, fields: Iterable[ModelField], *, most: int = 2) -> dict[str, Any]:
    """Keys that no field has, with values of all kinds."""
    if isinstance(draw, drawing.Plain):
        return {}
    taken = {f.stored for f in fields} | {f.name for f in fields} | {"kind", "computedPart"}
    taken |= {"computed_part", "doc_id", "doc_ref", "obj_type"}
    drawn = draw(st.dictionaries(drawing.raw_keys, drawing.raw, max_size=most))
    return {name: value for name, value in drawn.items() if name not in taken}


def sample_of(draw: Draw, fields: Iterable[ModelField], *, keeps_null: bool = False) -> Sample:
    """A map with the values of fields; one that has a default may be absent."""
    stored: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for one in fields:
        if not one.is_required and chance(draw, 25):
            value = one.absent
        else:
            drawn = one.type.value(draw)
            stored[one.stored] = drawn.stored
            value = drawn.kept
        if value is not None or keeps_null or one.default != "None":
            kept[one.stored] = value
    return Sample(stored, kept)


def _class(
    draw: Draw, scope: Scope, depth: int, style: str, tag: str = "", amount: int = 3
) -> Type:
    name = scope.new("Part")
    is_pydantic = style in {"EmbeddedModel", "BaseModel"}
    extra = one_of(draw, ["", "", "allow", "forbid"]) if is_pydantic else ""
    around = scope.extra
    with scope.within(
        (extra or "ignore") if is_pydantic else around,
        is_camel=style == "EmbeddedModel" if is_pydantic else scope.is_camel,
    ):
        fields = drawn_fields(draw, scope, depth + 1, amount, style=style)
    fields.sort(key=lambda one: not one.is_required)
    treats = (extra or "ignore") if is_pydantic else around
    is_computed = style == "EmbeddedModel" and bool(fields) and chance(draw, 20)
    config = [f'extra="{extra}"'] if extra else []
    if style == "BaseModel" and {"GeoPoint", "Vector"} & _inside(fields):
        config.append("arbitrary_types_allowed=True")
    lines = [f"model_config = ConfigDict({', '.join(config)})"] if config else []
    lines += [f'kind: Literal["{tag}"]'] if tag else []
    lines += [one.declaration("field" if style == "dataclass" else "Field") for one in fields]
    head = f"class {name}({style}):"
    if style == "dataclass":
        head = f"@dataclass\nclass {name}:"
    features = {feature for one in fields for feature in one.features()}
    if extra:
        features.add(f"extra={extra}")
    if is_computed:
        features.add("computed fields")
        lines += [
            "@computed_field",
            "@property",
            f"def computed_part(self) -> {fields[0].type.source}:",
            f"    return self.{fields[0].name}",
        ]
    body = "".join(f"\n    {line}" for line in lines or ["pass"])

    def value(draw: Draw) -> Sample:
        drawn = sample_of(draw, fields, keeps_null=style == "TypedDict")
        stored, kept = {**drawn.stored}, {**drawn.kept}
        if tag:
            stored["kind"] = kept["kind"] = tag
        if is_computed:
            value = kept.get(fields[0].stored)
            kept |= {} if value is None else {"computedPart": value}
            if chance(draw, 50) and not isinstance(draw, drawing.Plain):
                stored["computedPart"] = draw(drawing.raw)
        if treats != "forbid" and chance(draw, 40):
            more = undeclared(draw, fields)
            stored |= more
            kept |= more if treats == "allow" and style != "dataclass" else {}
        return Sample(stored, kept)

    types = [one.type for one in fields]
    return Type(
        style,
        name,
        value,
        frozenset({"map"}),
        classes=(*_classes(types), head + body),
        parts=tuple(types),
        features=frozenset(features) | (frozenset() if treats == "forbid" else {"undeclared keys"}),
        declares=frozenset({*(one.stored for one in fields), "kind", "computedPart"}),
        fields=tuple(fields),
    )


def _inside(fields: Iterable[ModelField]) -> set[str]:
    return {inner.kind for one in fields for inner in one.type.walk()}


def _family(draw: Draw, scope: Scope, depth: int) -> Type:
    """A base class and a subclass, told apart by `obj_type`."""
    base, child = scope.new("Base"), scope.new("Child")
    with scope.within("ignore", is_camel=True):
        fields = drawn_fields(draw, scope, depth + 1, 2)
        more = drawn_fields(draw, scope, depth + 1, 2, taken=fields)
    bodies = ["".join(f"\n    {one.declaration()}" for one in part) for part in (fields, more)]
    sources = (
        f'class {base}(EmbeddedModel, obj_type="{base}"):' + (bodies[0] or "\n    pass"),
        f"class {child}({base}):" + (bodies[1] or "\n    pass"),
    )

    def value(draw: Draw) -> Sample:
        is_child = chance(draw, 50)
        drawn = sample_of(draw, [*fields, *more] if is_child else fields)
        stored, kept = {**drawn.stored}, {**drawn.kept}
        kept["obj_type"] = child if is_child else base
        if is_child or chance(draw, 50):
            stored["obj_type"] = kept["obj_type"]
        if chance(draw, 30):
            stored |= undeclared(draw, [*fields, *more])
        return Sample(stored, kept)

    types = [one.type for one in (*fields, *more)]
    features = {feature for one in (*fields, *more) for feature in one.features()}
    return Type(
        "EmbeddedModel",
        base,
        value,
        frozenset({"map"}),
        classes=(*_classes(types), *sources),
        parts=tuple(types),
        features=frozenset(features) | {"subclasses with obj_type", "undeclared keys"},
    )


def refused_type(draw: Draw, scope: Scope) -> Type:
    """A type that cannot be stored."""
    name = scope.new("Frozen")
    frozen = f"class {name}(BaseModel, frozen=True):\n    a: int"
    options = {
        "SecretStr": ("SecretStr", ()),
        "list of lists": ("list[list[int]]", ()),
        "list of lists, deep": ("dict[str, list[tuple[int, ...]]]", ()),
        "list of sets": ("list[set[str]]", ()),
        "set of models": (f"set[{name}]", (frozen,)),
        "complex": ("complex", ()),
        "dict of float": ("dict[float, int]", ()),
        "dict of tuple": ("dict[tuple[int, int], int]", ()),
        "ambiguous union": ("Decimal | str", ()),
        "Callable": ("Callable[[], int]", ()),
        "list of vectors": ("list[Vector | None]", ()),
    }
    kind = one_of(draw, list(options))
    source, classes = options[kind]
    return Type(
        f"refused: {kind}",
        source,
        lambda _: Sample.of(None),
        classes=classes,
        refused=kind,
    )
