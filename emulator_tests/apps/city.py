"""Cities: a view that forwards one model, subclasses in one collection, and a form."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from onto_fn import (
    App,
    DomainModel,
    Form,
    FormMediator,
    Request,
    Store,
    ViewModel,
    root,
)
from onto_fn.access import owner, public


class City(DomainModel, collection="City"):
    city_name: str
    country: str
    capital: bool | None = None


class Municipality(City):
    """A city that is its own province."""


class StandardCity(City):
    city_state: str | None = None


class CityStore(Store):
    city = root(City)


class CityView(ViewModel[CityStore], path="cityView/{city_id}", typed=True, read=public()):
    @property
    def name(self) -> str:
        return self.store.city.city_name

    @property
    def country(self) -> str:
        return self.store.city.country


class CityForm(Form, path="users/{user_id}/cityForms/{city_id}", create=owner("user_id")):
    """A user proposes a city; the id of the form is the city's."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    country: Annotated[str, Field(min_length=1, max_length=100)]

    def submit(self, request: Request) -> Iterable[City]:
        city_id = request.params["city_id"]
        return [City(doc_id=city_id, city_name=self.name, country=self.country)]


class CensusForm(Form, path="users/{user_id}/censusForms/{id}", create=owner("user_id")):
    """Comes from genuine copies of the front end only, by App Check."""

    name: str

    def submit(self, request: Request) -> Iterable[City]:
        return [City(doc_id=self.name, city_name=self.name, country="unknown")]


app = App(
    [
        CityView,
        FormMediator(CityForm, callable=True),
        FormMediator(CensusForm, callable=True, app_check=True),
    ]
)
app.export(globals())
