"""Document and collection paths, and templates of them such as `users/{user_id}/UserView/view`."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from onto_fn.errors import DeclarationError, InvalidPath

MAX_SEGMENT_BYTES = 1500
MAX_PATH_BYTES = 6 * 1024
MAX_NAME_BYTES = 200

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}\Z")
_RESERVED = re.compile(r"__.*__\Z", re.DOTALL)
# What is certain at a glance to be allowed, as most ids are: they do not begin with an underscore.
_PLAIN = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_PLAIN_PATH = re.compile(r"[A-Za-z0-9][\w-]*(?:/[A-Za-z0-9][\w-]*)*", re.ASCII)
_ID_ALPHABET = string.ascii_letters + string.digits


def new_id() -> str:
    """A new random document id: 20 letters and digits, about 119 bits."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(20))


def check_segment(segment: str, *, what: str) -> str:
    """Return `segment` if Firestore allows it as a collection or document id.

    Args:
        segment: the id; never trusted, it may come from a client.
        what: names the place in the error, for example `path variable 'user_id'`.

    Raises:
        InvalidPath: empty, `.` or `..`, has a slash, is reserved (`__name__`), is not valid
            Unicode, or is longer than 1,500 bytes.
    """
    if not isinstance(segment, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPath(f"{what} must be a string, got {segment!r}")
    try:
        size = len(segment.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidPath(f"{what} is not valid Unicode: {segment!r}") from error
    if segment == "":
        raise InvalidPath(f"{what} is empty")
    if segment in {".", ".."}:
        raise InvalidPath(f"{what} must not be {segment!r}")
    if "/" in segment:
        raise InvalidPath(f"{what} must not contain a slash: {segment!r}")
    if _RESERVED.match(segment):
        raise InvalidPath(f"{what} must not match __.*__, which Firestore reserves: {segment!r}")
    if size > MAX_SEGMENT_BYTES:
        raise InvalidPath(f"{what} has {size} bytes, Firestore allows {MAX_SEGMENT_BYTES}")
    return segment


def check_document_path(path: str) -> str:
    """Return `path` if it names a document, else raise `InvalidPath`."""
    if path.count("/") % 2 and len(path) <= MAX_SEGMENT_BYTES and _PLAIN_PATH.fullmatch(path):
        return path
    segments = path.split("/")
    if len(segments) % 2:
        raise InvalidPath(f"{path!r} is not a document path: it has an odd number of segments")
    for segment in segments:
        check_segment(segment, what=f"a segment of {path!r}")
    if len(path) > MAX_PATH_BYTES // 4 and len(path.encode("utf-8")) > MAX_PATH_BYTES:
        raise InvalidPath(f"the path is longer than {MAX_PATH_BYTES} bytes: {path[:80]!r}…")
    return path


def check_name(name: str, *, what: str) -> str:
    """Return `name` if it can begin the ids of ledger records and dead letters.

    Args:
        name: of a view, a mediator or an aggregate.
        what: which of these, for the error.

    Raises:
        DeclarationError: it is empty, has a slash or a tilde, begins with `__`, which Firestore
            reserves, or has more than 200 bytes.
    """
    if not isinstance(name, str) or not name or "/" in name or "~" in name:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DeclarationError(
            f"the {what} name {name!r} is empty or has a '/' or a '~', and is part of document ids"
        )
    if name.startswith("__") or not is_text(name, MAX_NAME_BYTES):
        raise DeclarationError(
            f"the {what} name {name!r:.100} is part of document ids, and must be text of at most "
            f"{MAX_NAME_BYTES} bytes that does not begin with '__'"
        )
    return name


def is_text(value: str, most: int) -> bool:
    """Whether Firestore can store a text, and the text does not exceed a number of bytes."""
    try:
        return len(value.encode()) <= most
    except UnicodeEncodeError:
        return False


def check_field_name(name: object, *, what: str) -> str:
    """Return `name` if Firestore allows it as the name of a field.

    Args:
        name: as it is stored.
        what: which field, for the error.

    Raises:
        DeclarationError: it is no text, empty, reserved (`__name__`), or too long.
    """
    if not isinstance(name, str) or not name or not is_text(name, MAX_SEGMENT_BYTES):
        raise DeclarationError(
            f"{what} cannot be {name!r:.100}: a field's name is text of 1 to "
            f"{MAX_SEGMENT_BYTES} bytes"
        )
    if _RESERVED.match(name):
        raise DeclarationError(f"{what} cannot be {name!r}: Firestore reserves names like __this__")
    return name


def parent_collection(path: str) -> str:
    """The collection path of a document path: `users/a/UserView/view` -> `users/a/UserView`."""
    return path.rpartition("/")[0]


def name_order(path: str) -> tuple[bytes, ...]:
    """The key by which Firestore orders documents by name: segment by segment, as UTF-8.

    Ids of the form `__id7__`, which are numbers and come first, are not distinguished.
    """
    return tuple(segment.encode("utf-8", "surrogatepass") for segment in path.split("/"))


def last_segment(path: str) -> str:
    """The id that ends a path: `users/tijuana` -> `tijuana`."""
    return path.rpartition("/")[2]


@dataclass(frozen=True)
class PathTemplate:
    """A path with variables, each of which stands for one whole segment.

    Example:
        >>> template = PathTemplate("users/{user_id}/UserView/view")
        >>> template.render({"user_id": "tijuana"})
        'users/tijuana/UserView/view'
        >>> template.match("users/joshua/UserView/view")
        {'user_id': 'joshua'}

    Raises:
        DeclarationError: the template is empty, has an empty segment or a malformed variable.
    """

    text: str
    segments: tuple[str, ...] = field(init=False, repr=False, compare=False)
    variables: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _places: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        segments = tuple(self.text.split("/"))
        places: list[tuple[int, str]] = []
        for place, segment in enumerate(segments):
            variable = _VARIABLE.match(segment)
            if variable:
                places.append((place, variable.group(1)))
            elif "{" in segment or "}" in segment:
                raise DeclarationError(
                    f"path {self.text!r}: a variable stands for a whole segment, as in "
                    f"'users/{{user_id}}'; {segment!r} does not"
                )
            else:
                try:
                    check_segment(segment, what=f"a segment of path {self.text!r}")
                except InvalidPath as error:
                    raise DeclarationError(str(error)) from error
        variables = tuple(name for _, name in places)
        if len(set(variables)) != len(variables):
            raise DeclarationError(f"path {self.text!r} uses a variable twice")
        object.__setattr__(self, "segments", segments)
        object.__setattr__(self, "variables", variables)
        object.__setattr__(self, "_places", tuple(places))

    @property
    def is_document(self) -> bool:
        """Whether rendered paths name documents (an even number of segments)."""
        return len(self.segments) % 2 == 0

    @property
    def parent(self) -> PathTemplate:
        """The template without its last segment."""
        return PathTemplate("/".join(self.segments[:-1]))

    def child(self, segment: str) -> PathTemplate:
        """The template with one more segment."""
        return PathTemplate(f"{self.text}/{segment}")

    def render(self, params: Mapping[str, str]) -> str:
        """The path with its variables replaced.

        Raises:
            InvalidPath: a variable is missing or its value is not allowed in a path.
        """
        rendered = [*self.segments]
        for place, name in self._places:
            value = params.get(name)
            if value is None:
                raise InvalidPath(f"path {self.text!r} needs a value for {name!r}")
            if (
                value.__class__ is not str
                or len(value) > MAX_SEGMENT_BYTES
                or _PLAIN.fullmatch(value) is None
            ):
                check_segment(value, what=f"variable {name!r} of path {self.text!r}")
            rendered[place] = value
        return "/".join(rendered)

    @cached_property
    def fits(self) -> Callable[[str], object]:
        """Whether a path fits the template: what it returns counts as true if and only if so."""
        parts = ("[^/]*" if part[0] == "{" else re.escape(part) for part in self.segments)
        return re.compile("/".join(parts)).fullmatch

    def match(self, path: str) -> dict[str, str] | None:
        """The variables' values if `path` fits the template, else None."""
        if not self._places:
            return {} if path == self.text else None
        parts = path.split("/")
        if len(parts) != len(self.segments):
            return None
        for part, segment in zip(parts, self.segments, strict=True):
            if part != segment and segment[0] != "{":
                return None
        return {name: parts[place] for place, name in self._places}

    def holds(self, path: str) -> bool:
        """Whether a document is in a collection that fits the template, by its path."""
        collection = path.rpartition("/")[0]
        if not self._places:
            return collection == self.text
        return self.match(collection) is not None

    def overlaps(self, other: PathTemplate) -> bool:
        """Whether some path fits both templates."""
        if len(self.segments) != len(other.segments):
            return False
        return all(
            mine == theirs or mine.startswith("{") or theirs.startswith("{")
            for mine, theirs in zip(self.segments, other.segments, strict=True)
        )

    def __str__(self) -> str:
        return self.text
