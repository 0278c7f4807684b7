"""What each view must be, in plain Python: nothing here is shared with onto_fn.

A view is a function of a reader and a root. It returns content by path, none for a root that does
not exist, and raises `Broken` if its sources do not allow a view.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from emulator_tests.chaos.harness.history import Fields, History, Ref

Built = dict[str, Fields]


class Broken(Exception):
    """A source is refused by its model, or does not exist."""


class Reader:
    """The documents at one instant; it notes what was read.

    Attributes:
        seen: path -> update time (0 in a final state), None where missing.
    """

    def __init__(self, documents: Callable[[str], tuple[int, Fields | None]]) -> None:
        self._documents = documents
        self._paths: Callable[[str], list[str]] = lambda collection: []
        self.seen: dict[str, int | None] = {}

    @classmethod
    def of_history(cls, history: History, time: int) -> "Reader":
        reader = cls(lambda path: history.at(path, time))
        reader._paths = history.collection
        return reader

    @classmethod
    def of_vector(cls, history: History, vector: Mapping[str, int | None]) -> "Reader":
        """Each document in a version of its own; what is not listed does not exist."""

        def version(path: str) -> tuple[int, Fields | None]:
            time = vector.get(path)
            return (0, None) if time is None else (time, history.at(path, time).fields)

        reader = cls(version)
        reader._paths = lambda collection: sorted(
            path for path in vector if path.rpartition("/")[0] == collection
        )
        return reader

    def replaced(self, path: str, fields: Fields) -> "Reader":
        """The same with other content in the place of one document."""

        def version(wanted: str) -> tuple[int, Fields | None]:
            return (0, fields) if wanted == path else self._documents(wanted)

        reader = Reader(version)
        reader._paths = self._paths
        return reader

    @classmethod
    def of_documents(cls, documents: Mapping[str, Fields]) -> "Reader":
        reader = cls(lambda path: (0, documents.get(path)))
        collections: dict[str, list[str]] = {}
        for path in sorted(documents):
            collections.setdefault(path.rpartition("/")[0], []).append(path)
        reader._paths = lambda collection: collections.get(collection, [])
        return reader

    def get(self, path: str) -> Fields | None:
        time, fields = self._documents(path)
        self.seen[path] = None if fields is None else time
        return fields

    def query(self, collection: str, matches: Callable[[Fields], bool]) -> dict[str, Fields]:
        found: dict[str, Fields] = {}
        for path in self._paths(collection):
            time, fields = self._documents(path)
            if fields is not None and matches(fields):
                self.seen[path] = time
                found[path] = fields
        return found


# Models: the type of each field; the load writes nothing that lies between right and wrong.

MODELS: dict[str, dict[str, Any]] = {
    "users": {"firstName": str, "lastName": str},
    "tickets": {"role": {"Organizer", "Participant"}, "user": "users"},
    "locations": {"latitude": float, "longitude": float, "address": str},
    "meetings": {
        "users": ["users"],
        "tickets": {"*": "tickets"},
        "location": "locations",
        "status": {"not-started", "in-session", "closed"},
    },
    "polls": {"title": str},
    "votes": {"option": str},
    "companies": {"name": str, "divisions": ["divisions"]},
    "divisions": {"name": str},
    "teams": {"name": str, "division": "divisions"},
    "members": {"name": str, "salary": int, "team": "teams"},
}


def valid(model: str, fields: Fields | None) -> Fields:
    if fields is None:
        raise Broken(f"a {model} is missing")
    for name, kind in MODELS[model].items():
        if name not in fields or not _fits(fields[name], kind):
            raise Broken(f"{model}: {name}")
    return fields


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, type):
        return isinstance(value, (int, float) if kind is float else kind)
    if isinstance(kind, str):
        return isinstance(value, Ref) and value.path.startswith(f"{kind}/")
    if isinstance(kind, set):
        return value in kind
    if isinstance(kind, list):
        return isinstance(value, list) and all(_fits(item, kind[0]) for item in value)
    return isinstance(value, dict) and all(_fits(item, kind["*"]) for item in value.values())


def _id(path: str) -> str:
    return path.rpartition("/")[2]


def _meeting(reader: Reader, root: str) -> tuple[Fields, Any, Any, Any, Any] | None:
    """A meeting, its location, its users by path, its tickets and who holds them by key."""
    found = reader.get(root)
    if found is None:
        return None
    meeting = valid("meetings", found)
    users = {ref.path: reader.get(ref.path) for ref in meeting["users"]}
    tickets = {key: reader.get(ref.path) for key, ref in meeting["tickets"].items()}
    location = valid("locations", reader.get(meeting["location"].path))
    for user in users.values():
        valid("users", user)
    owners = {key: valid("tickets", ticket)["user"].path for key, ticket in tickets.items()}
    holders = {key: (path, valid("users", reader.get(path))) for key, path in owners.items()}
    return meeting, location, users, tickets, holders


def meeting_session(reader: Reader, root: str) -> Built:
    found = _meeting(reader, root)
    if found is None:
        return {}
    meeting, location, users, tickets, holders = found
    attending = [
        {
            "name": f"{user['firstName']} {user['lastName']}",
            "hearing_aid_requested": user.get("hearingAidRequested", False),
            **({"organization": user["organization"]} if user.get("organization") else {}),
        }
        for path, user in sorted(
            (holders[key] for key in holders if tickets[key].get("attendance", False)),
            key=lambda item: _id(item[0]),
        )
    ]
    if meeting["status"] == "not-started":
        attending = []
    content = {
        "latitude": location["latitude"],
        "longitude": location["longitude"],
        "address": location["address"],
        "inSession": meeting["status"] == "in-session",
        "attending": attending,
        "numHearingAidRequested": sum(line["hearing_aid_requested"] for line in attending),
    }
    return {f"{user}/MeetingSession/{_id(root)}": content for user in users}


def meeting_page(reader: Reader, root: str) -> Built:
    found = _meeting(reader, root)
    if found is None:
        return {}
    meeting, location, users, _, holders = found
    content = {
        "address": location["address"],
        "users": [users[ref.path]["firstName"] for ref in meeting["users"]],
        "holders": {key: user["lastName"] for key, (_, user) in holders.items()},
    }
    return {f"meetingPages/{_id(root)}": content}


def user_view(reader: Reader, root: str) -> Built:
    found = reader.get(root)
    if found is None:
        return {}
    user = valid("users", found)
    meetings = reader.query(
        "meetings", lambda m: isinstance(m.get("users"), list) and Ref(root) in m["users"]
    )
    content = {
        "firstName": user["firstName"],
        "lastName": user["lastName"],
        "hearingAidRequested": user.get("hearingAidRequested", False),
        "meetings": [
            {"meeting_id": _id(path), "status": valid("meetings", meeting)["status"]}
            for path, meeting in sorted(meetings.items())
        ],
    }
    if user.get("organization"):
        content["organization"] = user["organization"]
    return {f"{root}/UserView/view": content}


def poll_results(reader: Reader, root: str) -> Built:
    found = reader.get(root)
    if found is None:
        return {}
    valid("polls", found)
    votes = reader.query(f"{root}/votes", lambda vote: True)
    counts = Counter(valid("votes", vote)["option"] for vote in votes.values())
    return {f"pollResults/{_id(root)}": {"counts": dict(counts), "total": len(votes)}}


def poll_tally(reader: Reader, root: str) -> Built:
    """What an aggregate has counted in the end; a refused vote is not counted."""
    found = reader.get(root)
    if found is None:
        return {}
    valid("polls", found)
    votes = reader.query(f"{root}/votes", lambda vote: _fits(vote.get("option"), str))
    counts = Counter(vote["option"] for vote in votes.values())
    return {f"pollTallies/{_id(root)}": {"counts": dict(counts), "total": len(votes)}}


def team_summary(reader: Reader, root: str) -> Built:
    found = reader.get(root)
    if found is None:
        return {}
    team = valid("teams", found)
    members = reader.query("members", lambda member: member.get("team") == Ref(root))
    content = {
        "name": team["name"],
        "division": _id(team["division"].path),
        "headcount": len(members),
        "payroll": sum(valid("members", member)["salary"] for member in members.values()),
    }
    return {f"teamSummaries/{_id(root)}": content}


def team_roster(reader: Reader, root: str) -> Built:
    found = reader.get(root)
    if found is None:
        return {}
    team = valid("teams", found)
    members = reader.query("members", lambda member: member.get("team") == Ref(root))
    division = reader.get(team["division"].path)
    title = valid("divisions", division)["name"] if division is not None else "none"
    content = {
        "title": f"{team['name']} of {title}",
        "salaries": {_id(p): valid("members", member)["salary"] for p, member in members.items()},
    }
    return {f"teamRosters/{_id(root)}": content}


def division_summary(reader: Reader, root: str) -> Built:
    found = reader.get(root)
    if found is None:
        return {}
    division = valid("divisions", found)
    teams = reader.query("teamSummaries", lambda team: team.get("division") == _id(root))
    content = {
        "name": division["name"],
        "teams": sorted(team["name"] for team in teams.values()),
        "headcount": sum(team["headcount"] for team in teams.values()),
        "payroll": sum(team["payroll"] for team in teams.values()),
    }
    return {f"divisionSummaries/{_id(root)}": content}


def company_summary(reader: Reader, root: str) -> Built:
    found = reader.get(root)
    if found is None:
        return {}
    company = valid("companies", found)
    divisions: dict[str, Fields] = {}
    for ref in company["divisions"]:
        division = reader.get(f"divisionSummaries/{_id(ref.path)}")
        if division is not None:
            divisions[_id(ref.path)] = division
    content = {
        "name": company["name"],
        "divisions": {key: division["headcount"] for key, division in divisions.items()},
        "payroll": sum(division["payroll"] for division in divisions.values()),
    }
    return {f"companySummaries/{_id(root)}": content}


View = Callable[[Reader, str], Built]

VIEWS: dict[str, tuple[str, View]] = {
    "MeetingSession": ("meetings", meeting_session),
    "UserView": ("users", user_view),
    "PollResults": ("polls", poll_results),
    "PollTally": ("polls", poll_tally),
    "TeamSummary": ("teams", team_summary),
    "DivisionSummary": ("divisions", division_summary),
    "CompanySummary": ("companies", company_summary),
    "MeetingPage": ("meetings", meeting_page),
    "TeamRoster": ("teams", team_roster),
}
"""The collection of the roots, and the view, by name."""

EVENTUAL = {"MeetingPage", "TeamRoster"}
"""The views that need not be of one snapshot."""

COUNTED = {"PollTally"}
"""The views of what aggregates count, which may be behind the sources; only the end is known."""

AGGREGATES = {"Tally": ("votes", "votes")}
"""The id of the collections that an aggregate counts, and the model, by name."""

SENT = "teamSummaries"
"""The collection whose changes are published."""

VIEW_PATTERNS = (
    "users/{user}/MeetingSession/{id}",
    "users/{user}/UserView/{id}",
    "pollResults/{id}",
    "pollTallies/{id}",
    "teamSummaries/{id}",
    "divisionSummaries/{id}",
    "companySummaries/{id}",
    "meetingPages/{id}",
    "teamRosters/{id}",
)


def is_view(path: str) -> bool:
    """Whether a path is that of a view document."""
    parts = path.split("/")
    return any(
        len(parts) == len(pattern := text.split("/"))
        and all(a == b for a, b in zip(parts[::2], pattern[::2], strict=True))
        for text in VIEW_PATTERNS
    )


def record_id(view: str, root: str) -> str:
    """The id of a root's ledger record and of its dead letter."""
    return f"{view}~{quote(root, safe='')}"


def query_roots(history: History, path: str, time: int) -> set[tuple[str, str]]:
    """The roots whose queries a document matched at an instant."""
    collection, fields = path.rpartition("/")[0], history.at(path, time).fields
    if fields is None:
        return set()
    if collection == "meetings" and isinstance(fields.get("users"), list):
        return {("UserView", ref.path) for ref in fields["users"] if isinstance(ref, Ref)}
    if collection == "members" and isinstance(fields.get("team"), Ref):
        return {(view, fields["team"].path) for view in ("TeamSummary", "TeamRoster")}
    if collection == "teamSummaries":
        return {("DivisionSummary", f"divisions/{fields['division']}")}
    if collection.endswith("/votes"):
        return {("PollResults", collection.removesuffix("/votes"))}
    return set()
