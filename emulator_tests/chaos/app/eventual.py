"""Views of `consistency="eventual"`: many references in levels, and a query beside a reference."""

from company import Division, Member, Team
from meeting_room.views import MeetingStore

from onto_fn import Store, ViewModel, one, query, root


class MeetingPage(
    ViewModel[MeetingStore], path="meetingPages/{meeting_id}", consistency="eventual"
):
    """What `MeetingSession` shows, once for all."""

    @property
    def address(self) -> str:
        return self.store.location.address

    @property
    def users(self) -> list[str]:
        return [user.first_name for user in self.store.users]

    @property
    def holders(self) -> dict[str, str]:
        """The last name on each ticket."""
        return {key: user.last_name for key, user in self.store.ticket_users.items()}


class RosterStore(Store):
    team = root(Team)
    division = one(Division, lambda store: store.team.division, default=None)
    members = query(Member).where("team", "==", lambda store: store.team.doc_ref)


class TeamRoster(ViewModel[RosterStore], path="teamRosters/{team_id}", consistency="eventual"):
    """Who is in a team."""

    @property
    def title(self) -> str:
        division = self.store.division.name if self.store.division else "none"
        return f"{self.store.team.name} of {division}"

    @property
    def salaries(self) -> dict[str, int]:
        return {member.doc_id: member.salary for member in self.store.members}
