"""Domain models: the source documents, one class per collection."""

from onto_fn import DomainModel, Ref


class Country(DomainModel, collection="countries"):
    name: str


class City(DomainModel, collection="cities"):
    name: str
    country: Ref[Country]
