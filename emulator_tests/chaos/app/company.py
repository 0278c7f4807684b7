"""A company: members -> summary of a team -> of a division -> of the company."""

from onto_fn import DomainModel, Ref, Store, ViewModel, many, query, root


class Company(DomainModel, collection="companies"):
    name: str
    divisions: list[Ref["Division"]]


class Division(DomainModel, collection="divisions"):
    name: str


class Team(DomainModel, collection="teams"):
    name: str
    division: Ref[Division]


class Member(DomainModel, collection="members"):
    name: str
    salary: int
    team: Ref[Team]


class TeamStore(Store):
    team = root(Team)
    members = query(Member).where("team", "==", lambda store: store.team.doc_ref)


class TeamSummary(ViewModel[TeamStore], path="teamSummaries/{team_id}"):
    @property
    def name(self) -> str:
        return self.store.team.name

    @property
    def division(self) -> str:
        return self.store.team.division.path.rpartition("/")[2]

    @property
    def headcount(self) -> int:
        return len(self.store.members)

    @property
    def payroll(self) -> int:
        return sum(member.salary for member in self.store.members)


class DivisionStore(Store):
    division = root(Division)
    teams = query(TeamSummary.Document).where("division", "==", lambda store: store.division.doc_id)


class DivisionSummary(ViewModel[DivisionStore], path="divisionSummaries/{division_id}"):
    @property
    def name(self) -> str:
        return self.store.division.name

    @property
    def teams(self) -> list[str]:
        return sorted(team.name for team in self.store.teams)

    @property
    def headcount(self) -> int:
        return sum(team.headcount for team in self.store.teams)

    @property
    def payroll(self) -> int:
        return sum(team.payroll for team in self.store.teams)


class CompanyStore(Store):
    company = root(Company)
    divisions = many(
        DivisionSummary.Document,
        lambda store: [
            DivisionSummary.Document.ref(division.path.rpartition("/")[2])
            for division in store.company.divisions
        ],
        missing="skip",
    )


class CompanySummary(ViewModel[CompanyStore], path="companySummaries/{company_id}"):
    @property
    def name(self) -> str:
        return self.store.company.name

    @property
    def divisions(self) -> dict[str, int]:
        """Headcount by division."""
        return {division.doc_id: division.headcount for division in self.store.divisions}

    @property
    def payroll(self) -> int:
        return sum(division.payroll for division in self.store.divisions)
