"""What is offered over HTTP: the meeting room, colours whose view is computed on request, palettes.

The scenarios are those of a REST mediator: a screen, a list under a condition, a change that is
read back, a screen whose id names its sources, and a page that documents all of it.
"""

from meeting_room.patches import MeetingSessionPatch, UserViewPatch
from meeting_room.views import MeetingSession, UserView
from pydantic import BaseModel

from onto_fn import App, DomainModel, Ref, Store, ViewModel, many, root
from onto_fn.access import public, signed_in
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


app = App(
    [MeetingSession, UserView, MeetingSessionPatch, UserViewPatch, PaletteView],
    region="us-central1",
    api=Api(
        views=[MeetingSession, UserView, PaletteView, Live(RainbowView)],
        requests=[MeetingSessionPatch, UserViewPatch],
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
