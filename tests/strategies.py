"""What the property tests generate: Firestore values, documents, instants and paths."""

from datetime import UTC, datetime

from google.cloud.firestore_v1 import GeoPoint
from hypothesis import settings
from hypothesis import strategies as st

from onto_fn.firestore import Reference
from onto_fn.firestore.paths import MAX_SEGMENT_BYTES

# No deadline for one example: a busy machine is not a failed property.
settings.register_profile("onto_fn", deadline=None)
settings.load_profile("onto_fn")


def _is_segment(text: str) -> bool:
    reserved = text.startswith("__") and text.endswith("__") and len(text) >= 4
    return (
        text not in {".", ".."} and not reserved and len(text.encode("utf-8")) <= MAX_SEGMENT_BYTES
    )


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
names = texts.filter(lambda text: text and not (text[:2] == text[-2:] == "__" and len(text) > 4))
segments = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="/"), min_size=1, max_size=30
).filter(_is_segment)
document_paths = st.lists(st.tuples(segments, segments), min_size=1, max_size=3).map(
    lambda pairs: "/".join(part for pair in pairs for part in pair)
)
references = document_paths.map(Reference)
instants = st.datetimes(
    min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)
)
geo_points = st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=20)
    | instants
    | references
    | geo_points
)


def maps(items: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Firestore maps."""
    return st.dictionaries(names, items, max_size=4)


def lists(items: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
    """Firestore lists, which hold no lists."""
    flat = items.filter(lambda item: not isinstance(item, list))
    return st.lists(flat, max_size=4)


values = st.recursive(scalars, lambda inner: maps(inner) | lists(inner), max_leaves=10)
documents = maps(values)
