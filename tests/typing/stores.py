"""What each read of a store holds."""

from typing import Any, assert_type

from models import Team, User

from onto_fn import Store, aggregate, keyed, many, one, query, root
from onto_fn.aggregates import average, count, maximum, minimum, total


class TeamStore(Store):
    team = root(Team)
    members = many(User, "team.members", missing="skip")
    by_role = keyed(User, "team.by_role")
    lead = one(User, "team.lead")
    found = one(User, "team.lead", default=None)
    other = one(User, "team.lead", default=0, invalid="")
    named = query(User).where("nick", "==", "A").order_by("first_name").limit(10)
    numbers = aggregate(
        User,
        n=count(),
        sum=total("age"),
        mean=average("age"),
        low=minimum("age"),
        high=maximum("age"),
    ).where("nick", "==", "A")


store = TeamStore()
assert_type(store.team, Team)
assert_type(store.members, list[User])
assert_type(store.by_role, dict[str, User])
assert_type(store.lead, User)
assert_type(store.found, User | None)
assert_type(store.other, User | int | str)
assert_type(store.named, list[User])
numbers: dict[str, Any] = store.numbers

_ = store.nonsense  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]
root("users")  # pyright: ignore[reportArgumentType]
many(User, "team.members", missing="ignore")  # pyright: ignore[reportArgumentType]
aggregate(User, n=7)  # pyright: ignore[reportArgumentType]


class Names(Store):
    """Reads named as what the class of a store can say."""

    root = root(Team)
    reads = query(User)
    models = query(User)
    shapes = query(User)
    aggregates = query(User)


assert_type(Names().root, Team)
assert_type(Names().reads, list[User])
