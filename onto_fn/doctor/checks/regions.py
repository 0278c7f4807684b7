"""Functions far from their database."""

from __future__ import annotations

from collections.abc import Iterator

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.project import Project

NAME = "region"
# First the one in which the deploy tool puts functions without a region.
HOMES = {
    "nam5": ("us-central1",),
    "nam7": ("us-central1",),
    "eur3": ("europe-west1", "europe-west4"),
}


def _run(project: Project) -> Iterator[Finding]:
    location, region = project.database_location, project.app.options.region
    if location is None or not isinstance(region, str):
        return
    homes = HOMES.get(location, (location,))
    if region not in homes:
        yield project.at_app(
            NAME,
            "warning",
            "region",
            f"the functions run in {region} and the database is in {location}: each call of an "
            "event crosses regions, which takes longer and is billed as network traffic",
            f'declare region="{homes[0]}"',
        )


CHECK = Check(NAME, "`region` beside the database's location (`firebase.json`, `--location`)", _run)
