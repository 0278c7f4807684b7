"""What is offered over HTTP: the meeting room, palettes, colours whose view is computed on request.

There are also purses, whose patch is not idempotent by itself.

The scenarios are those of a REST mediator: a screen, a list under a condition, a change that is
read back, a screen whose id names its sources, and a page that documents all of it.
"""

from meeting_room.patches import MeetingSessionPatch, UserViewPatch
from meeting_room.views import MeetingSession, UserView
from pydantic import BaseModel

from onto_fn import App, DomainModel, Patch, Ref, Store, ViewModel, many, mirror, root
from onto_fn.access import owner, public, signed_in
from onto_fn.api import Api, Live, Rest, by


class Color(DomainModel, collection="colors"):
    name: str


class SpotColor(Color):
    """One that is mixed before it is printed."""


class Rainbow(DomainModel, collection="rainbows"):
    """Somebody's wish to see some colours together; its id names them: `yellow+cian`."""


class RainbowStore(Store):
    rainbow = root(Rainbow)
    colors = many(
        Color, lambda store: [Color.ref(name) for name in store.rainbow.doc_id.split("+")]
    )


class RainbowView(ViewModel[RainbowStore], path="rainbow/{colors}", read=signed_in()):
    """The colours that an id names, in the order of their names."""

    @property
    def rainbow_name(self) -> str:
        return "-".join(self.colors)

    @property
    def colors(self) -> list[str]:
        return sorted(color.name for color in self.store.colors)


class Palette(DomainModel, collection="paletteSources"):
    name: str
    colors: list[Ref[Color]]


class PaletteStore(Store):
    palette = root(Palette)
    colors = many(Color, lambda store: store.palette.colors)


class PaletteColor(BaseModel):
    name: str
    kind: str


class PaletteView(ViewModel[PaletteStore], path="palettes/{palette_id}", read=public()):
    """A palette with its colours, in its order."""

    @property
    def palette_name(self) -> str:
        return self.store.palette.name

    @property
    def colors(self) -> list[PaletteColor]:
        return [PaletteColor(name=c.name, kind=type(c).__name__) for c in self.store.colors]


class Purse(DomainModel, collection="purses"):
    owner: str
    cents: int = 0


class PurseStore(Store):
    purse = root(Purse)


class PursePage(
    ViewModel[PurseStore], path="users/{user_id}/purses/{purse_id}", read=owner("user_id")
):
    """A purse, into which its owner can put something."""

    cents: int = mirror("purse.cents")

    @property
    def deposit(self) -> int:
        return 0

    @deposit.setter
    def deposit(self, cents: int) -> None:
        self.store.purse.cents += cents

    def targets(self) -> list[dict[str, str]]:
        return [{"user_id": self.store.purse.owner, "purse_id": self.store.purse.doc_id}]


class Deposit(
    Patch[PursePage],
    path="users/{user_id}/deposits/{deposit_id}",
    target="purse",
    create=owner("user_id"),
):
    """Puts something into a purse: carried out twice, it would be there twice."""

    deposit: int


app = App(
    [
        MeetingSession,
        UserView,
        MeetingSessionPatch,
        UserViewPatch,
        PaletteView,
        PursePage,
        Deposit,
    ],
    region="us-central1",
    api=Api(
        views=[MeetingSession, UserView, PaletteView, Live(RainbowView), PursePage],
        requests=[MeetingSessionPatch, UserViewPatch, Deposit],
        rest=Rest(
            title="The meeting room",
            lists={MeetingSession: [by(where=["in_session"])]},
            max_wait_sec=60,
        ),
        origins=["https://app.example"],
        timeout_sec=300,  # a busy machine starts the first instances slowly
    ),
)
app.export(globals())
