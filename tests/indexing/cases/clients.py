"""What the tests of Google's client libraries run against production.

Their documents have one more field, `testId`, with an equality in each query. The comments of these
tests name the whole order of a query.
"""

from __future__ import annotations

from tests.indexing.cases.notation import Case, all_of, any_of, q

_FIRESTORE = "https://github.com/firebase/firebase-js-sdk/blob/main/packages/firestore"
_ANDROID = "https://github.com/firebase/firebase-android-sdk/blob/main/firebase-firestore"
JS = f"{_FIRESTORE}/test/integration/api/query.test.ts"
JS_COMPOSITE = f"{_FIRESTORE}/test/integration/api/composite_index_query.test.ts"
ANDROID = (
    f"{_ANDROID}/src/androidTest/java/com/google/firebase/firestore/CompositeIndexQueryTest.java"
)
CONFIG = "https://github.com/firebase/firebase-js-sdk/blob/main/firestore_index_config.tf"
DECLARED = (
    "c (key ASC, testId ASC, sort ASC)",
    "c (b ASC, testId ASC, a ASC)",
    "c (a ASC, testId ASC, b DESC)",
    "c (a ASC, testId ASC, b ASC)",
    "c (testId ASC, a ASC)",
    "c (testId ASC, b ASC)",
    "c (testId ASC, b DESC)",
)
ID = "testId =="


def _case(source: str, name: str, *args: object, **kwargs: object) -> Case:
    return Case(name, source, *args, **kwargs)  # type: ignore[arg-type]


CASES = [
    # Run without any declared index
    _case(JS, "in and array-contains", q("c", "a in", "b array-contains")),
    _case(JS, "in or array-contains", q("c", any_of("a in", "b array-contains"))),
    _case(
        JS,
        "in, or array-contains and an equality",
        q("c", any_of("a in", all_of("b array-contains", "a =="))),
    ),
    _case(
        JS,
        "in, and array-contains or an equality",
        q("c", "a in", any_of("b array-contains", "a ==")),
    ),
    _case(JS, "or of pairs", q("c", any_of(all_of("a ==", "b =="), all_of("a ==", "b ==")))),
    _case(JS, "and of ors", q("c", any_of("a ==", "b =="), any_of("a ==", "b =="))),
    _case(JS, "equality or in", q("c", any_of("a ==", "b in"))),
    _case(JS, "equality or array-contains-any", q("c", any_of("a ==", "b array-contains-any"))),
    _case(JS, "in of names", q("c", "__name__ in")),
    _case(JS, "not-in of names", q("c", "__name__ not-in")),
    _case(JS, "names of a group in a range", q("c", "__name__ >=", "__name__ <=", group=True)),
    _case(JS, "names of a group in order", q("c", order="__name__", group=True)),
    _case(JS, "a map as a value", q("c", "data ==")),
    # Not run against production, for want of an index
    _case(JS, "an equality and another order", q("c", "a ==", order="-b"), "(a ASC, b DESC)"),
    _case(JS, "a range or an equality", q("c", any_of("a >", "b ==")), "(b ASC, a ASC)"),
    _case(JS, "an equality or a range", q("c", any_of("a ==", "b >")), "(a ASC, b ASC)"),
    _case(
        JS,
        "an equality or a range, the last ones",
        q("c", any_of("a ==", "b >"), order="-b"),
        "(a ASC, b DESC)",
    ),
    _case(JS, "an equality or not-in", q("c", any_of("a ==", "b not-in")), "(a ASC, b ASC)"),
    _case(
        JS, "two in in another order", q("c", any_of("a in", "b in"), order="a"), "(b ASC, a ASC)"
    ),
    # Run with these declared indexes
    _case(CONFIG, "can use query overloads", q("c", ID, "a ==", order="-b"), indexes=DECLARED),
    _case(CONFIG, "a > or b ==", q("c", ID, any_of("a >", "b ==")), indexes=DECLARED),
    _case(CONFIG, "a == or b >", q("c", ID, any_of("a ==", "b >")), indexes=DECLARED),
    _case(
        CONFIG,
        "a == or b >, limitToLast",
        q("c", ID, any_of("a ==", "b >"), order="-b"),
        indexes=DECLARED,
    ),
    _case(
        CONFIG,
        "a == or b ==, by a",
        q("c", ID, any_of("a ==", "b =="), order="a"),
        indexes=DECLARED,
    ),
    # Several ranges
    _case(
        ANDROID,
        "three ranges",
        q("c", ID, "key !=", "sort <=", "v >"),
        "(testId ASC, key ASC, sort ASC, v ASC)",
    ),
    _case(
        ANDROID,
        "two ranges of one field",
        q("c", ID, "key !=", "sort <=", "sort >"),
        "(testId ASC, key ASC, sort ASC)",
    ),
    _case(
        ANDROID,
        "ranges and not-in",
        q("c", ID, "key >=", "sort <=", "v not-in"),
        "(testId ASC, key ASC, sort ASC, v ASC)",
    ),
    _case(
        ANDROID,
        "ranges in another order",
        q("c", ID, "key >=", "sort <=", order="-v"),
        "(testId ASC, v DESC, key DESC, sort DESC)",
    ),
    _case(
        ANDROID,
        "ranges, the last ones in another order",
        q("c", ID, "key >=", "sort <=", order="v"),
        "(testId ASC, v ASC, key ASC, sort ASC)",
    ),
    _case(
        ANDROID,
        "ranges and array-contains",
        q("c", ID, "key !=", "sort >=", "v array-contains"),
        "(testId ASC, v CONTAINS, key ASC, sort ASC)",
    ),
    _case(
        ANDROID,
        "nested fields",
        q("c", ID, "metadata.createdAt <=", "metadata.createdAt >", "name !=", order="name"),
        "(testId ASC, name ASC, metadata.createdAt ASC)",
    ),
    _case(
        ANDROID,
        "ranges or ranges",
        q("c", ID, any_of(all_of("key ==", "sort <="), all_of("key !=", "v >"))),
        "(key ASC, testId ASC, sort ASC, v ASC)",
    ),
    _case(
        ANDROID,
        "ranges in the order of their paths",
        q("c", ID, "sort >", "key !=", "v in"),
        "(testId ASC, v ASC, key ASC, sort ASC)",
    ),
    _case(
        ANDROID,
        "ranges with two orders",
        q("c", ID, "key >", "sort >=", order="v sort"),
        "(testId ASC, v ASC, sort ASC, key ASC)",
    ),
    _case(
        ANDROID,
        "the last order decides about the implied ones",
        q("c", ID, "key >", "sort >=", order="-v sort"),
        "(testId ASC, v DESC, sort ASC, key ASC)",
    ),
    _case(
        ANDROID,
        "ranges and one of the names",
        q("c", ID, "sort >", "key !=", "__name__ <"),
        "(testId ASC, key ASC, sort ASC)",
    ),
    _case(
        ANDROID,
        "ranges and one of the names, descending",
        q("c", ID, "__name__ <", "sort >", "key !=", order="-sort"),
        "(testId ASC, sort DESC, key DESC)",
    ),
    _case(
        ANDROID,
        "count of ranges",
        q("c", ID, "key >", "sort >=", order="v"),
        "(testId ASC, v ASC, key ASC, sort ASC)",
    ),
    _case(
        ANDROID,
        "sums of ranges",
        q("c", ID, "key >", "sort >=", "v !=", sums="sort v"),
        "(testId ASC, key ASC, sort ASC, v ASC)",
    ),
    _case(
        JS_COMPOSITE,
        "sums of several fields",
        q("c", ID, sums="pages year"),
        "(testId ASC, pages ASC, year ASC)",
    ),
    _case(
        JS_COMPOSITE,
        "sums of several fields, declared in another order",
        q("c", ID, sums="pages year rating"),
        indexes=("c (testId ASC, rating ASC, pages ASC, year ASC)",),
    ),
    _case(
        JS_COMPOSITE,
        "sum of a group",
        q("c", ID, sums="a", group=True),
        "(testId ASC, a ASC)",
    ),
]
