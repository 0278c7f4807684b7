"""Users with a screen, a rainbow whose id names its colours, and a number: all by GraphQL.

The scenarios are those of a GraphQL mediator and of a socket: a query without arguments, a
mutation that answers with a view, subscriptions, and a view whose sources its id names.
"""

from onto_fn import App, DomainModel, Form, Request, Store, ViewModel, many, mirror, root
from onto_fn.access import owner, public
from onto_fn.api import Api, GraphQL, Streams


class Service(DomainModel, collection="services"):
    is_up: bool = True


class ServiceStore(Store):
    service = root(Service)


class Liveness(ViewModel[ServiceStore], path="status/liveness", read=public()):
    """Whether the service answers."""

    alive: bool = mirror("service.is_up")

    def targets(self) -> list[dict[str, str]]:
        return [{}]


class User(DomainModel, collection="graphUsers"):
    first_name: str
    last_name: str
    organization: str = ""
    hearing_aid_requested: bool = True


class UserStore(Store):
    user = root(User)


class UserView(ViewModel[UserStore], path="graphUserViews/{user_id}", read=owner("user_id")):
    """One user's screen."""

    first_name: str = mirror("user.first_name")
    last_name: str = mirror("user.last_name")
    organization: str = mirror("user.organization")
    hearing_aid_requested: bool = mirror("user.hearing_aid_requested")

    @property
    def token(self) -> str:
        return f"supposed to be token for user {self.store.user.doc_id}"


class LoginUser(Form, path="graphUserViews/{user_id}/logins/{login}", create=owner("user_id")):
    """Adds a user."""

    first_name: str
    last_name: str
    org: str = ""

    def submit(self, request: Request) -> list[User]:
        return [
            User(
                doc_id=request.params["user_id"],
                first_name=self.first_name,
                last_name=self.last_name,
                organization=self.org,
            )
        ]


class Counter(DomainModel, collection="counters"):
    i: int


class CounterStore(Store):
    counter = root(Counter)


class H(ViewModel[CounterStore], path="numbers/{counter_id}", read=public()):
    """A number, and its name."""

    i: int = mirror("counter.i")

    @property
    def j(self) -> str:
        return f"number is {self.store.counter.i}"


class Color(DomainModel, collection="graphColors"):
    name: str


class Rainbow(DomainModel, collection="graphRainbows"):
    """Somebody's wish to see some colours together; its id names them."""


class RainbowStore(Store):
    rainbow = root(Rainbow)
    colors = many(
        Color, lambda store: [Color.ref(name) for name in store.rainbow.doc_id.split("+")]
    )


class RainbowView(ViewModel[RainbowStore], path="graphRainbow/{color_names}", read=public()):
    """The colours that an id names, in the order of their names."""

    @property
    def rainbow_name(self) -> str:
        return "-".join(self.colors)

    @property
    def colors(self) -> list[str]:
        return sorted(color.name for color in self.store.colors)


VIEWS = [Liveness, UserView, H, RainbowView]
app = App(
    [*VIEWS, LoginUser],
    api=Api(views=VIEWS, requests=[LoginUser], graphql=GraphQL(), streams=Streams()),
)
app.export(globals())
