"""Domain models: the truth, one collection each."""

from onto_fn import DomainModel, Ref


class Country(DomainModel, collection="countries"):
    name: str


class City(DomainModel, collection="cities"):
    name: str
    country: Ref[Country]
