"""What production answered in 2026-09, as the project fireemu recorded it over REST and gRPC.

A case has the name of its row. The indexes are those of fs-query-index.indexes.json there.
"""

from __future__ import annotations

from tests.indexing.cases.notation import Case, all_of, any_of, q

SOURCE = "https://github.com/t-k/fireemu/blob/main/conformance/fs-query-index-production.json"
QN = (
    "qn (g ASC, n ASC)",
    "qn (g ASC, n DESC)",
    "qn (h ASC, n ASC)",
    "qn (n ASC, __name__ DESC)",
)
QX = (
    "qx (a ASC, b ASC)",
    "qx (a ASC, c ASC)",
    "qx (b ASC, c ASC)",
    "qx (tags CONTAINS, b ASC)",
)
QVEC = ("qvec (emb VECTOR<3>)", "qvec (color ASC, emb VECTOR<3>)")
INDEXES = (*QN, *QX, *QVEC, "ord (__name__ DESC)", "qa (k ASC, n ASC)", "qcg group (a ASC, b ASC)")
OVERRIDES = (
    ("items.n", ("group ASC",)),
    ("pk.*", ()),
    ("qx.nx", ()),
    ("qg.p", ("ASC", "DESC", "group ASC", "group DESC")),
)
EMB = ("emb", 3)


def _case(name: str, *args: object, **kwargs: object) -> Case:
    defaults = {"indexes": INDEXES, "overrides": OVERRIDES}
    return Case(name, SOURCE, *args, **defaults, **kwargs)  # type: ignore[arg-type]


CASES = [
    # index-selection/automatic-and-merge
    _case("single-equality", q("qx", "a ==")),
    _case("single-range-and-order", q("qx", "c >", order="-c"), by=("(c DESC)",)),
    _case("single-order-descending", q("qx", order="-c")),
    _case("array-contains-alone", q("qx", "tags array-contains")),
    _case("two-equalities-merge", q("qx", "a ==", "b ==")),
    _case("three-equalities-merge", q("qx", "a ==", "b ==", "s ==")),
    _case("equality-and-array-contains-merge", q("qx", "a ==", "tags array-contains")),
    _case(
        "equalities-with-order-merged",
        q("qx", "a ==", "b ==", order="c"),
        by=("(b ASC, c ASC)", "(a ASC, c ASC)"),
    ),
    _case(
        "equality-and-name-descending",
        q("qx", "a ==", order="-__name__"),
        by=("(a DESC)",),
    ),
    _case("equality-and-name-ascending", q("qx", "a ==", order="__name__")),
    _case("name-descending-alone", q("qx", order="-__name__"), "(__name__ DESC)"),
    _case("name-descending-with-own-index", q("ord", order="-__name__")),
    _case("name-range-descending", q("qx", "__name__ >", order="-__name__"), "(__name__ DESC)"),
    _case("in-merge", q("qx", "a in", "b ==")),
    _case("or-of-single-fields", q("qx", any_of("a ==", "c >"))),
    # index-selection/composites
    _case("equality-then-order", q("qx", "a ==", order="b")),
    _case(
        "equality-then-order-descending-missing",
        q("qx", "a ==", order="-b"),
        "(a ASC, b DESC)",
    ),
    _case("two-ranges", q("qx", "a >", "b >")),
    _case(
        "two-ranges-order-reversed-missing",
        q("qx", "a >", "b >", order="b"),
        "(b ASC, a ASC)",
    ),
    _case("two-orders", q("qx", order="a b")),
    _case("two-orders-missing", q("qx", order="b a"), "(b ASC, a ASC)"),
    _case("array-contains-and-order", q("qx", "tags array-contains", order="b")),
    _case(
        "array-contains-and-order-missing",
        q("qx", "tags array-contains", order="c"),
        "(tags CONTAINS, c ASC)",
    ),
    _case(
        "equalities-with-order-one-missing",
        q("qx", "a ==", "d ==", order="c"),
        "(a ASC, d ASC, c ASC)",
    ),
    _case("equality-range-missing", q("qx", "s ==", "c >"), "(s ASC, c ASC)"),
    _case("equality-and-name-range", q("qx", "a ==", "__name__ >")),
    _case(
        "range-and-name-order-descending",
        q("qx", "c >", order="c -__name__"),
        "(c ASC, __name__ DESC)",
    ),
    _case("or-needing-composite", q("qx", any_of(all_of("a ==", "c >"), "b =="))),
    _case(
        "sum-with-composite",
        q("qx", "a ==", sums="b"),
        by=("(a ASC, b ASC)",),
    ),
    _case("sum-missing-composite", q("qx", "a ==", sums="d"), "(a ASC, d ASC)"),
    _case("count-missing-composite", q("qx", "s ==", order="d"), "(s ASC, d ASC)"),
    # index-selection/scopes-and-exemptions
    _case("exempted-field-equality", q("qx", "nx =="), "(nx ASC)"),
    _case("exempted-field-order", q("qx", order="nx"), "(nx ASC)"),
    _case("wildcard-exempt-collection", q("pk", "a =="), "(a ASC)"),
    _case("group-field-without-group-index", q("qg", "n ==", group=True), "(n ASC)"),
    _case("group-order-without-group-index", q("qg", order="n", group=True), "(n ASC)"),
    _case(
        "group-order-descending-without-group-index",
        q("qg", order="-n", group=True),
        "(n DESC)",
    ),
    _case(
        "group-array-contains-without-group-index",
        q("qg", "tags array-contains", group=True),
        "(tags CONTAINS)",
    ),
    _case("group-scope-composite-for-group", q("qcg", "a ==", order="b", group=True)),
    _case("group-scope-composite-for-collection", q("qcg", "a ==", order="b")),
    _case(
        "collection-scope-composite-for-group",
        q("qx", "a ==", order="b", group=True),
        "(a ASC, b ASC)",
    ),
    _case("group-only-override-group-equality", q("items", "n ==", group=True)),
    _case("group-only-override-collection-equality", q("items", "n =="), "(n ASC)"),
    _case("group-only-override-group-order", q("items", order="n", group=True)),
    # collection-group
    _case("filter-with-group-index", q("qg", "p ==", group=True)),
    _case("order-with-group-index", q("qg", order="-p", group=True)),
    _case("parent-name-range", q("qg", "__name__ >", group=True)),
    _case("parent-collection-foreign-name", q("qg", "__name__ ==")),
    # order-by
    _case("range-implies-order", q("qn", "n >")),
    _case("range-then-other-order", q("qn", "n >", order="h"), by=("(h ASC, n ASC)",)),
    _case(
        "range-with-explicit-order-first",
        q("qn", "n >", order="n h"),
        "(n ASC, h ASC)",
    ),
    _case("range-with-explicit-order-second", q("qn", "n >", order="h n")),
    _case("range-descending", q("qn", "n >", order="-n")),
    _case("two-ranges-implied-order", q("qn", "n >", "h <")),
    _case(
        "two-ranges-explicit-order",
        q("qn", "n >", "h <", order="-h"),
        "(h DESC, n DESC)",
    ),
    _case("equality-then-order-same-field", q("qn", "n ==", order="n")),
    _case("equality-then-order-other", q("qn", "g ==", order="-n")),
    _case("in-then-order-same-field", q("qn", "n in", order="-n")),
    _case("not-equal-implies-order", q("qn", "n !=")),
    _case("not-in-implies-order", q("qn", "n not-in")),
    _case("is-not-null-implies-order", q("qn", "opt is-not-null")),
    _case("name-range-implies-order", q("qn", "__name__ >")),
    _case("nested-quoted-field", q("qv", order="`a.b` n"), "(`a.b` ASC, n ASC)"),
    # composite-filters
    _case("and-with-unary", q("qn", "opt is-not-null", "g =="), "(g ASC, opt ASC)"),
    _case("or-two-fields", q("qn", any_of("g ==", "h =="))),
    _case("or-overlapping", q("qn", any_of("n <", "n >"))),
    _case("or-with-in", q("qn", any_of("n in", "h =="))),
    _case("or-ranges-different-fields", q("qn", any_of("n >", "h <"))),
    _case("or-with-not-equal", q("qn", any_of("n !=", "h =="))),
    _case("or-with-array-contains", q("qn", any_of("n ==", "tags array-contains"))),
    _case("and-of-or", q("qn", any_of("g ==", "h =="), "n >")),
    _case("or-of-and", q("qn", any_of(all_of("g ==", "h =="), all_of("g ==", "h ==")))),
    _case(
        "nested-three-levels",
        q("qn", any_of(all_of("g ==", any_of("h ==", "h ==")), "n ==")),
    ),
    _case("or-ordered", q("qn", any_of("g ==", "h =="), order="n")),
    # filter-validation/combinations
    _case("not-equal-and-range-same-field", q("qn", "n !=", "n >")),
    _case(
        "array-contains-per-disjunct", q("qn", any_of("tags array-contains", "h array-contains"))
    ),
    _case("array-contains-any-and-in", q("qn", "tags array-contains-any", "h in")),
    _case("in-and-in", q("qn", "n in", "h in")),
    _case("in-and-equal-same-field", q("qn", "n in", "n ==")),
    # aggregation
    _case("count-with-order-on-missing", q("qn", order="opt")),
    _case("sum-with-order-on-missing", q("qn", order="opt", sums="n"), "(opt ASC, n ASC)"),
    _case("sum-with-limit-and-order", q("qn", order="-n", sums="n")),
    _case("sum-with-range-on-other-field", q("qn", "d >", sums="n"), "(d ASC, n ASC)"),
    _case("five-aggregations", q("qn", sums="n d"), "(d ASC, n ASC)"),
    _case("sum-infinities", q("qa", sums="neg d"), "(d ASC, neg ASC)"),
    _case("sum-empty-result", q("qa", "k ==", sums="n")),
    _case("sum-nested-field", q("qa", sums="m.x")),
    # vector
    _case("prefilter-equality", q("qvec", "color ==", nearest=EMB)),
    _case(
        "prefilter-equality-without-index",
        q("qvec", "n ==", nearest=EMB),
        "(n ASC, emb VECTOR<3>)",
    ),
    _case("prefilter-range", q("qvec", "color >", nearest=EMB)),
    _case("prefilter-in", q("qvec", "color in", nearest=EMB)),
    _case("with-order-by", q("qvec", order="n", nearest=EMB), "(n ASC, emb VECTOR<3>)"),
    _case("query-vector-two-dimensions", q("qvec", nearest=("emb", 2)), "(emb VECTOR<2>)"),
    _case("vector-field-without-index", q("qvec", nearest=("emb2", 3)), "(emb2 VECTOR<3>)"),
    _case("vector collection-group", q("qvec", nearest=EMB, group=True), "(emb VECTOR<3>)"),
    _case("count-over-nearest", q("qvec", nearest=EMB)),
    _case("sum-over-nearest", q("qvec", sums="n", nearest=EMB), "(n ASC, emb VECTOR<3>)"),
]
