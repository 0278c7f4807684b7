"""View models: the documents for a screen."""

from models import City, Country

from onto_fn import Store, ViewModel, one, root
from onto_fn.access import signed_in


class CityStore(Store):
    """The documents that the view reads: a city, and the country that it refers to."""

    city = root(City)
    country = one(Country, lambda store: store.city.country)


class CityView(ViewModel[CityStore], path="cityViews/{city_id}", read=signed_in()):
    """A city for a screen. It is rebuilt whenever the city or its country changes."""

    @property
    def title(self) -> str:
        return f"{self.store.city.name}, {self.store.country.name}"
