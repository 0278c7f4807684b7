"""View models: what a screen needs."""

from models import City, Country

from onto_fn import Store, ViewModel, one, root
from onto_fn.access import signed_in


class CityStore(Store):
    """What the view reads: a city, and the country that it refers to."""

    city = root(City)
    country = one(Country, lambda store: store.city.country)


class CityView(ViewModel[CityStore], path="cityViews/{city_id}", read=signed_in()):
    """A city as a screen shows it; rebuilt whenever the city or its country changes."""

    @property
    def title(self) -> str:
        return f"{self.store.city.name}, {self.store.country.name}"
