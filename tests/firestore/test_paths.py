"""Paths: what Firestore allows as an id, and templates of paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.errors import DeclarationError, InvalidPath
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.paths import (
    MAX_SEGMENT_BYTES,
    check_document_path,
    check_segment,
    new_id,
    parent_collection,
)
from tests.strategies import document_paths, segments


@st.composite
def templates(draw: st.DrawFn) -> PathTemplate:
    names = st.sampled_from(["a", "b", "users", "x y", "日本"])
    shape = draw(st.lists(st.one_of(names, st.none()), min_size=1, max_size=6))
    parts = [f"{{v{index}}}" if part is None else part for index, part in enumerate(shape)]
    return PathTemplate("/".join(parts))


@pytest.mark.parametrize(
    "segment",
    ["a", "tijuana", "a b", "...", ".a", "__a", "a__", "___", "été", "日本", "🏟️", "a?b#c"],
)
def test_ordinary_and_unicode_ids_are_allowed(segment: str) -> None:
    assert check_segment(segment, what="id") == segment


@pytest.mark.parametrize("segment", ["", ".", "..", "a/b", "/", "__a__", "____", "__name__"])
def test_ids_that_firestore_reserves_are_refused(segment: str) -> None:
    with pytest.raises(InvalidPath):
        check_segment(segment, what="id")


def test_a_refused_id_is_named_with_its_place() -> None:
    with pytest.raises(InvalidPath, match=r"variable 'user_id'.*slash.*'a/b'"):
        PathTemplate("users/{user_id}").render({"user_id": "a/b"})


def test_an_id_of_1500_bytes_is_allowed() -> None:
    assert check_segment("a" * MAX_SEGMENT_BYTES, what="id")
    assert check_segment("é" * (MAX_SEGMENT_BYTES // 2), what="id")


@pytest.mark.parametrize("segment", ["a" * 1501, "é" * 750 + "a", "日" * 501])
def test_the_limit_of_an_id_is_in_bytes_not_in_characters(segment: str) -> None:
    with pytest.raises(InvalidPath, match="1500"):
        check_segment(segment, what="id")


def test_an_id_that_is_no_valid_unicode_is_refused() -> None:
    with pytest.raises(InvalidPath, match="Unicode"):
        check_segment("\ud800", what="id")


@pytest.mark.parametrize("value", [None, 7, b"a"])
def test_an_id_that_is_no_string_is_refused(value: object) -> None:
    with pytest.raises(InvalidPath, match="must be a string"):
        check_segment(value, what="id")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "users",
        "users/a/b",
        "users//",
        "/users/a",
        "users/..",
        "a/",
        "users/__a__",
        "__a__/users",
        f"users/{'a' * 1501}",
    ],
)
def test_what_names_no_document_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        check_document_path(path)


def test_a_path_longer_than_6_kib_is_refused() -> None:
    path = "/".join(["x" * 1400] * 6)

    with pytest.raises(InvalidPath, match="6144 bytes"):
        check_document_path(path)


@given(document_paths)
def test_every_path_of_allowed_ids_names_a_document(path: str) -> None:
    assert check_document_path(path) == path
    assert path.startswith(parent_collection(path) + "/")


def test_new_ids_are_allowed_and_differ() -> None:
    ids = {new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(check_segment(i, what="id") and len(i) == 20 for i in ids)


@given(templates(), st.data())
def test_matching_a_rendered_path_gives_the_variables_back(
    template: PathTemplate, data: st.DataObject
) -> None:
    params = {name: data.draw(segments) for name in template.variables}

    assert template.match(template.render(params)) == params


@given(templates(), templates(), st.data())
def test_templates_that_a_path_fits_both_overlap(
    first: PathTemplate, second: PathTemplate, data: st.DataObject
) -> None:
    path = first.render({name: data.draw(segments) for name in first.variables})

    if second.match(path) is not None:
        assert first.overlaps(second)


@given(templates(), templates())
def test_templates_that_overlap_have_a_path_in_common(
    first: PathTemplate, second: PathTemplate
) -> None:
    common = "/".join(
        "x" if mine.startswith("{") and theirs.startswith("{") else min(mine, theirs, key=_is_name)
        for mine, theirs in zip(first.segments, second.segments, strict=False)
    )

    found = first.match(common) is not None and second.match(common) is not None
    assert first.overlaps(second) == found == second.overlaps(first)


def _is_name(segment: str) -> bool:
    return segment.startswith("{")


@pytest.mark.parametrize("path", ["users", "users/a/b", "posts/a", "users/a/b/c"])
def test_a_path_of_another_shape_does_not_match(path: str) -> None:
    assert PathTemplate("users/{user_id}").match(path) is None


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(InvalidPath, match="'meeting_id'"):
        PathTemplate("users/{user_id}/m/{meeting_id}").render({"user_id": "a"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "users//a",
        "users/x{id}",
        "users/{id",
        "users/{a-b}",
        "u/{a}/v/{a}",
        "u/..",
        "u/__x__",
        "u/{a}\n",
    ],
)
def test_a_malformed_template_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError):
        PathTemplate(text)


def test_a_template_knows_its_parent_and_its_children() -> None:
    template = PathTemplate("polls/{poll}/votes")

    assert template.child("{voter}").text == "polls/{poll}/votes/{voter}"
    assert template.child("{voter}").parent == template
    assert template.child("{voter}").is_document
    assert not template.is_document
