"""An app that declares GraphQL, for a process of its own."""

from onto_fn import App, DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import public
from onto_fn.api import Api, GraphQL, Streams


class City(DomainModel, collection="graphCities"):
    name: str = ""


class CityStore(Store):
    city = root(City)


class CityPage(ViewModel[CityStore], path="cityPages/{city_id}", read=public()):
    name: str = mirror("city.name")


app = App([CityPage], api=Api(views=[CityPage], graphql=GraphQL(), streams=Streams()))
