"""Firestore's databases and indexes, and its security rules."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator_tests.deploy.standin.answers import answer, refusal
from emulator_tests.deploy.standin.project import GoogleProject

CREATED = "2026-01-01T00:00:00Z"
DATABASE = "/v1/projects/{project}/databases/{database}"
RULES = "/v1/projects/{project}"


def firestore(project: GoogleProject) -> list[Route]:
    def name_of(request: Request) -> str:
        return request.url.path.removeprefix("/v1/")

    def of_database(request: Request, resources: dict[str, dict]) -> list[dict]:
        database = request.path_params["database"]
        return [found for name, found in resources.items() if name.split("/")[3] == database]

    async def get_database(request: Request) -> Response:
        database = request.path_params["database"]
        if database not in project.locations:
            return refusal(404, f"Database {database} does not exist")
        found = {
            "name": name_of(request),
            "locationId": project.locations[database],
            "type": "FIRESTORE_NATIVE",
            "databaseEdition": "STANDARD",
        }
        return answer(found)

    async def list_indexes(request: Request) -> Response:
        return answer({"indexes": of_database(request, project.indexes)})

    async def create_index(request: Request) -> Response:
        name = f"{name_of(request)}/index-{project.next_number()}"
        project.indexes[name] = completed(await request.json()) | {"name": name, "state": "READY"}
        return answer({"name": f"{name}/operation", "done": True})

    async def list_fields(request: Request) -> Response:
        return answer({"fields": of_database(request, project.fields)})

    async def update_field(request: Request) -> Response:
        field = await request.json()
        config = field["indexConfig"]
        config |= {"indexes": [index | {"state": "READY"} for index in config["indexes"]]}
        # Google's JSON leaves out what is empty or false.
        config = {key: value for key, value in config.items() if value}
        project.fields[name_of(request)] = field | {
            "indexConfig": config,
            "name": name_of(request),
        }
        return answer({"name": f"{name_of(request)}/operation", "done": True})

    groups = f"{DATABASE}/collectionGroups"
    return [
        Route(DATABASE, get_database),
        Route(f"{groups}/-/indexes", list_indexes),
        Route(f"{groups}/{{group}}/indexes", create_index, methods=["POST"]),
        Route(f"{groups}/-/fields", list_fields),
        Route(f"{groups}/{{group}}/fields/{{field}}", update_field, methods=["PATCH"]),
    ]


def completed(index: dict) -> dict:
    """An index as the Standard edition keeps it: with the document's name, and its density."""
    fields = list(index["fields"])
    vector = [fields.pop()] if "vectorConfig" in fields[-1] else []
    if not fields or fields[-1]["fieldPath"] != "__name__":
        orders = [field["order"] for field in fields if "order" in field]
        order = orders[-1] if orders else "ASCENDING"
        fields.append({"fieldPath": "__name__", "order": order})
    return index | {"fields": fields + vector, "density": "SPARSE_ALL"}


def rules(project: GoogleProject) -> list[Route]:
    def name_of(request: Request) -> str:
        return request.url.path.removeprefix("/v1/")

    async def compile_rules(request: Request) -> Response:
        return answer({})

    async def create_ruleset(request: Request) -> Response:
        name = f"projects/{project.id}/rulesets/ruleset-{project.next_number()}"
        project.rulesets[name] = {**await request.json(), "name": name, "createTime": CREATED}
        return answer(project.rulesets[name])

    async def get_ruleset(request: Request) -> Response:
        return answer(project.rulesets[name_of(request)])

    async def list_releases(request: Request) -> Response:
        return answer({"releases": list(project.releases.values())})

    async def create_release(request: Request) -> Response:
        release = {**await request.json(), "createTime": CREATED}
        project.releases[release["name"]] = release
        return answer(release)

    async def update_release(request: Request) -> Response:
        name = name_of(request)
        if name not in project.releases:
            return refusal(404, f"Release {name} does not exist")
        project.releases[name] |= (await request.json())["release"]
        return answer(project.releases[name])

    return [
        Route(f"{RULES}:test", compile_rules, methods=["POST"]),
        Route(f"{RULES}/rulesets", create_ruleset, methods=["POST"]),
        Route(f"{RULES}/rulesets/{{ruleset}}", get_ruleset),
        Route(f"{RULES}/releases", list_releases),
        Route(f"{RULES}/releases", create_release, methods=["POST"]),
        Route(f"{RULES}/releases/{{release:path}}", update_release, methods=["PATCH"]),
    ]
