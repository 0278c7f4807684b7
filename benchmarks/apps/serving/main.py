"""The same with onto_fn: a view that everybody may read, and one that its user may."""

from onto_fn import App, DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import owner, public
from onto_fn.api import Api


class Board(DomainModel, collection="sources"):
    """A document of about a kilobyte."""

    title: str
    lines: list[dict[str, str | int]]


class BoardStore(Store):
    board = root(Board)


class BoardPage(ViewModel[BoardStore], path="boards/{board_id}", read=public()):
    title: str = mirror("board.title")
    lines: list[dict[str, str | int]] = mirror("board.lines")


class OwnPage(ViewModel[BoardStore], path="users/{user_id}/pages/page", read=owner("user_id")):
    title: str = mirror("board.title")
    lines: list[dict[str, str | int]] = mirror("board.lines")


app = App([BoardPage, OwnPage], api=Api(views=[BoardPage, OwnPage]))
app.export(globals())
