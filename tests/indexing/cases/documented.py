"""What the documentation of Firestore says."""

from __future__ import annotations

from tests.indexing.cases.notation import Case, any_of, q

OVERVIEW = "https://firebase.google.com/docs/firestore/query-data/index-overview"
RANGES = "https://firebase.google.com/docs/firestore/query-data/multiple-range-fields"
QUERIES = "https://firebase.google.com/docs/firestore/query-data/queries"
AGGREGATIONS = "https://firebase.google.com/docs/firestore/query-data/aggregation-queries"
VECTORS = "https://firebase.google.com/docs/firestore/vector-search"
FILE = "https://firebase.google.com/docs/reference/firestore/indexes/"
MANAGE = "https://firebase.google.com/docs/firestore/query-data/indexing"

BY_POPULATION = ("cities (country ASC, population ASC)",)
DOWN_POPULATION = ("cities (country ASC, population DESC)",)
RESTAURANTS = (
    "restaurants (category ASC, star_rating ASC)",
    "restaurants (city ASC, star_rating ASC)",
    "restaurants (editors_pick ASC, star_rating ASC)",
)
LANDMARKS = (("landmarks.category", ("ASC", "DESC", "CONTAINS", "group ASC", "group DESC")),)


def _case(source: str, name: str, *args: object, **kwargs: object) -> Case:
    return Case(name, source, *args, **kwargs)  # type: ignore[arg-type]


CASES = [
    # Automatic single-field indexes
    _case(OVERVIEW, "all documents", q("cities")),
    _case(OVERVIEW, "one equality", q("cities", "state =="), by=("(state ASC)",)),
    _case(OVERVIEW, "one range", q("cities", "population <"), by=("(population ASC)",)),
    _case(OVERVIEW, "one range from below", q("cities", "name >=")),
    _case(OVERVIEW, "two ranges of one field", q("cities", "population >", "population <")),
    _case(
        OVERVIEW,
        "array-contains",
        q("cities", "regions array-contains"),
        by=("(regions CONTAINS)",),
    ),
    _case(OVERVIEW, "array-contains-any", q("cities", "regions array-contains-any")),
    _case(OVERVIEW, "in", q("cities", "country in")),
    _case(OVERVIEW, "not-in", q("cities", "country not-in"), by=("(country ASC)",)),
    _case(QUERIES, "not equal", q("cities", "capital !="), by=("(capital ASC)",)),
    _case(
        OVERVIEW,
        "two equalities",
        q("cities", "state ==", "name =="),
        by=("(name ASC)", "(state ASC)"),
    ),
    _case(
        OVERVIEW,
        "four equalities",
        q("cities", "country ==", "capital ==", "state ==", "population =="),
    ),
    _case(OVERVIEW, "ascending order", q("cities", order="name")),
    _case(OVERVIEW, "descending order", q("cities", order="-name"), by=("(name DESC)",)),
    _case(OVERVIEW, "range in its order", q("cities", "population >", order="population")),
    _case(OVERVIEW, "range in the reverse order", q("cities", "population >", order="-population")),
    _case(OVERVIEW, "subfield of a map", q("cities", "address.zip ==")),
    _case(OVERVIEW, "order by a subfield", q("cities", order="address.zip")),
    # Composite indexes
    _case(
        OVERVIEW,
        "equality and another order",
        q("cities", "country ==", order="population"),
        "(country ASC, population ASC)",
    ),
    _case(
        OVERVIEW,
        "equality and another order, declared",
        q("cities", "country ==", order="population"),
        by=("(country ASC, population ASC)",),
        indexes=BY_POPULATION,
    ),
    _case(
        OVERVIEW,
        "equality and another range",
        q("cities", "country ==", "population <"),
        "(country ASC, population ASC)",
    ),
    _case(
        OVERVIEW,
        "equality and another range, declared",
        q("cities", "country ==", "population <"),
        indexes=BY_POPULATION,
    ),
    _case(
        OVERVIEW,
        "equality and a range from below, declared",
        q("cities", "country ==", "population >"),
        indexes=BY_POPULATION,
    ),
    _case(
        OVERVIEW,
        "in and a range, declared",
        q("cities", "country in", "population >"),
        indexes=BY_POPULATION,
    ),
    _case(
        OVERVIEW,
        "the direction of an equality does not matter",
        q("cities", "country ==", order="population"),
        indexes=("cities (country DESC, population ASC)",),
    ),
    _case(
        OVERVIEW,
        "a descending order needs its own index",
        q("cities", "country ==", order="-population"),
        "(country ASC, population DESC)",
        indexes=BY_POPULATION,
    ),
    _case(
        OVERVIEW,
        "descending order, declared",
        q("cities", "country ==", order="-population"),
        indexes=DOWN_POPULATION,
    ),
    _case(
        OVERVIEW,
        "range in a descending order, declared",
        q("cities", "country ==", "population <", order="-population"),
        indexes=DOWN_POPULATION,
    ),
    _case(
        OVERVIEW,
        "array-contains and another order",
        q("cities", "regions array-contains", order="population"),
        "(regions CONTAINS, population ASC)",
    ),
    _case(
        OVERVIEW,
        "array-contains and another order, declared",
        q("cities", "regions array-contains", order="population"),
        indexes=("cities (regions CONTAINS, population ASC)",),
    ),
    _case(
        OVERVIEW,
        "array-contains-any and a range",
        q("cities", "regions array-contains-any", "population >"),
        "(regions CONTAINS, population ASC)",
    ),
    _case(
        OVERVIEW,
        "two orders",
        q("cities", order="state -population"),
        "(state ASC, population DESC)",
    ),
    _case(
        OVERVIEW,
        "two orders, declared",
        q("cities", order="state -population"),
        indexes=("cities (state ASC, population DESC)",),
    ),
    _case(
        OVERVIEW,
        "an index of another collection",
        q("towns", "country ==", order="population"),
        "(country ASC, population ASC)",
        indexes=BY_POPULATION,
    ),
    _case(
        OVERVIEW,
        "a document without a field of the index is not in it",
        q("cities", "country ==", order="population"),
        "(country ASC, population ASC)",
        indexes=("cities (country ASC, population ASC, name ASC)",),
    ),
    # Index merging
    _case(
        OVERVIEW,
        "merging: category",
        q("restaurants", "category ==", order="star_rating"),
        by=("(category ASC, star_rating ASC)",),
        indexes=RESTAURANTS,
    ),
    _case(
        OVERVIEW,
        "merging: city",
        q("restaurants", "city ==", order="star_rating"),
        indexes=RESTAURANTS,
    ),
    _case(
        OVERVIEW,
        "merging: category and city",
        q("restaurants", "category ==", "city ==", order="star_rating"),
        by=("(category ASC, star_rating ASC)", "(city ASC, star_rating ASC)"),
        indexes=RESTAURANTS,
    ),
    _case(
        OVERVIEW,
        "merging: category and editor's pick",
        q("restaurants", "category ==", "editors_pick ==", order="star_rating"),
        indexes=RESTAURANTS,
    ),
    _case(
        OVERVIEW,
        "merging: all three",
        q("restaurants", "category ==", "city ==", "editors_pick ==", order="star_rating"),
        by=(
            "(category ASC, star_rating ASC)",
            "(city ASC, star_rating ASC)",
            "(editors_pick ASC, star_rating ASC)",
        ),
        indexes=RESTAURANTS,
    ),
    _case(
        OVERVIEW,
        "merging does not reverse",
        q("restaurants", "category ==", "city ==", order="-star_rating"),
        "(category ASC, city ASC, star_rating DESC)",
        indexes=RESTAURANTS,
    ),
    _case(
        OVERVIEW,
        "merging leaves no equality out",
        q("restaurants", "category ==", "price ==", order="star_rating"),
        "(category ASC, price ASC, star_rating ASC)",
        indexes=RESTAURANTS,
    ),
    _case(
        OVERVIEW,
        "merging with one order does not serve another",
        q("restaurants", "category ==", "city ==", order="name"),
        "(category ASC, city ASC, name ASC)",
        indexes=RESTAURANTS,
    ),
    # Collection groups
    _case(OVERVIEW, "all documents of a group", q("landmarks", group=True)),
    _case(
        OVERVIEW,
        "equality in a group",
        q("landmarks", "category ==", group=True),
        "(category ASC)",
    ),
    _case(
        OVERVIEW,
        "equality in a group, declared",
        q("landmarks", "category ==", group=True),
        overrides=LANDMARKS,
    ),
    _case(
        OVERVIEW,
        "in, in a group, declared",
        q("landmarks", "category in", group=True),
        overrides=LANDMARKS,
    ),
    _case(
        OVERVIEW,
        "an override that keeps the automatic indexes",
        q("landmarks", "category =="),
        overrides=LANDMARKS,
    ),
    _case(
        OVERVIEW,
        "composite index of a group",
        q("landmarks", "category ==", order="-opened", group=True),
        indexes=("landmarks group (category ASC, opened DESC)",),
    ),
    # Exemptions
    _case(
        OVERVIEW,
        "exempt field",
        q("cities", "name =="),
        "(name ASC)",
        overrides=(("cities.name", ()),),
    ),
    _case(
        OVERVIEW,
        "order by an exempt field",
        q("cities", order="-name"),
        "(name DESC)",
        overrides=(("cities.name", ()),),
    ),
    _case(
        OVERVIEW,
        "a subfield inherits the exemption of its map",
        q("cities", "address.zip =="),
        "(address.zip ASC)",
        overrides=(("cities.address", ()),),
    ),
    _case(
        OVERVIEW,
        "a subfield's own override comes first",
        q("cities", "address.zip =="),
        overrides=(("cities.address", ()), ("cities.address.zip", ("ASC",))),
    ),
    _case(
        OVERVIEW,
        "all fields of a collection group are exempt",
        q("comments", "author =="),
        "(author ASC)",
        overrides=(("comments.*", ()),),
    ),
    _case(
        OVERVIEW,
        "an override beside the one of all fields",
        q("comments", "author =="),
        overrides=(("comments.*", ()), ("comments.author", ("ASC",))),
    ),
    _case(
        OVERVIEW,
        "an exempt field in a composite index",
        q("cities", "country ==", order="population"),
        indexes=BY_POPULATION,
        overrides=(("cities.country", ()), ("cities.population", ())),
    ),
    _case(
        MANAGE,
        "only the ascending index is left",
        q("cities", order="-name"),
        "(name DESC)",
        overrides=(("cities.name", ("ASC",)),),
    ),
    _case(
        MANAGE,
        "the array index is left out",
        q("cities", "regions array-contains"),
        "(regions CONTAINS)",
        overrides=(("cities.regions", ("ASC", "DESC")),),
    ),
    _case(
        FILE,
        "an index that names the document's name",
        q("cities", "country ==", order="-population"),
        indexes=("cities (country ASC, population DESC, __name__ DESC)",),
    ),
    _case(
        FILE,
        "an index whose name goes the other way",
        q("cities", "country ==", order="-population"),
        "(country ASC, population DESC)",
        indexes=("cities (country ASC, population DESC, __name__ ASC)",),
    ),
    # Ranges of several fields
    _case(
        RANGES,
        "two ranges",
        q("cities", "population >", "density <"),
        "(density ASC, population ASC)",
    ),
    _case(
        RANGES,
        "two ranges with one explicit order",
        q("cities", "population >", "density <", order="population"),
        "(population ASC, density ASC)",
    ),
    _case(
        RANGES,
        "two ranges with both orders",
        q("employees", "salary >", "experience >", order="experience salary"),
        "(experience ASC, salary ASC)",
    ),
    _case(
        RANGES,
        "two ranges, declared",
        q("employees", "salary >", "experience >", order="experience salary"),
        indexes=("employees (experience ASC, salary ASC)",),
    ),
    # Alternatives
    _case(QUERIES, "or of two equalities", q("cities", any_of("capital ==", "population =="))),
    _case(
        QUERIES,
        "or of an equality and a range",
        q("cities", any_of("capital ==", "population >=")),
        "(capital ASC, population ASC)",
    ),
    _case(
        QUERIES,
        "equality and an or",
        q("cities", "state ==", any_of("capital ==", "population >=")),
        "(capital ASC, state ASC, population ASC)",
    ),
    # Aggregations
    _case(AGGREGATIONS, "count", q("cities", "state ==")),
    _case(AGGREGATIONS, "sum", q("cities", sums="population"), by=("(population ASC)",)),
    _case(
        AGGREGATIONS,
        "sum of a filtered query",
        q("cities", "capital ==", sums="population"),
        "(capital ASC, population ASC)",
    ),
    _case(
        AGGREGATIONS,
        "sum of a filtered query, declared",
        q("cities", "capital ==", sums="population"),
        indexes=("cities (capital ASC, population ASC)",),
    ),
    # Vectors
    _case(
        VECTORS,
        "nearest vectors",
        q("coffee-beans", nearest=("embedding_field", 3)),
        "(embedding_field VECTOR<3>)",
    ),
    _case(
        VECTORS,
        "nearest vectors, declared",
        q("coffee-beans", nearest=("embedding_field", 3)),
        indexes=("coffee-beans (embedding_field VECTOR<3>)",),
    ),
    _case(
        VECTORS,
        "nearest vectors of some documents",
        q("coffee-beans", "color ==", nearest=("embedding_field", 3)),
        "(color ASC, embedding_field VECTOR<3>)",
        indexes=("coffee-beans (embedding_field VECTOR<3>)",),
    ),
    _case(
        VECTORS,
        "nearest vectors of some documents, declared",
        q("coffee-beans", "color ==", nearest=("embedding_field", 3)),
        indexes=("coffee-beans (color ASC, embedding_field VECTOR<3>)",),
    ),
]
