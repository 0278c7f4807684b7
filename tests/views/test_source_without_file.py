"""A class whose source cannot be found is a view like any other."""

from __future__ import annotations

import inspect
from tokenize import TokenError
from typing import NoReturn

import pytest

from onto_fn import DomainModel, Store, ViewModel, root


@pytest.mark.parametrize("error", [OSError, TypeError, SyntaxError, TokenError])
def test_a_source_that_cannot_be_read_is_no_reason_to_refuse_a_view(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a page or a notebook: Python 3.13 reads on in its file, which is not Python."""

    def unreadable(_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(inspect, "getsource", unreadable)

    class Page(DomainModel, collection="pages"):
        title: str

    class PageStore(Store):
        page = root(Page)

    class PageView(ViewModel[PageStore], path="pageViews/{page_id}"):
        @property
        def title(self) -> str:
            return self.store.page.title

    assert PageView.definition().fingerprint
