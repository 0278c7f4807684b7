"""Cloud Functions, and where the source and the images of functions are kept."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator_tests.deploy.standin.answers import answer, begin, poll, refusal
from emulator_tests.deploy.standin.project import GoogleProject, Json
from emulator_tests.deploy.standin.project_api import replace_policy

FUNCTIONS = "/v2/projects/{project}/locations/{location}/functions"
OPERATIONS = "/v2/projects/{project}/locations/{location}/operations/{operation}"
REPOSITORY = "/v1/projects/{project}/locations/{location}/repositories/{repository}"


def cloud_functions(project: GoogleProject) -> list[Route]:
    def name_of(request: Request) -> str:
        return request.url.path.removeprefix("/v2/")

    async def list_first_generation(request: Request) -> Response:
        return answer({})

    async def list_functions(request: Request) -> Response:
        return answer({"functions": list(project.functions.values())})

    async def upload_url(request: Request) -> Response:
        location = request.path_params["location"]
        bucket = f"gcf-v2-uploads-{project.number}-{location}"
        object_name = f"source-{project.next_number()}.zip"
        signature = "GoogleAccessId=functions&Expires=9999999999&Signature=c2lnbmVk"
        url = f"https://storage.googleapis.com/{bucket}/{object_name}?{signature}"
        return answer(
            {"uploadUrl": url, "storageSource": {"bucket": bucket, "object": object_name}}
        )

    async def create(request: Request) -> Response:
        function = await request.json()
        name = f"{name_of(request)}/{request.query_params['functionId']}"
        if name in project.functions:
            return refusal(409, f"Resource '{name}' already exists")
        return _write(project, name, function)

    async def update(request: Request) -> Response:
        name = name_of(request)
        if name not in project.functions:
            return refusal(404, f"Resource '{name}' was not found")
        return _write(project, name, await request.json())

    async def delete(request: Request) -> Response:
        name = name_of(request)
        if name not in project.functions:
            return refusal(404, f"Resource '{name}' was not found")

        def finish() -> Json:
            del project.functions[name]
            return {}

        return answer(begin(project, request.path_params["location"], finish))

    async def operation(request: Request) -> Response:
        return answer(poll(project, name_of(request)))

    return [
        Route("/v1/projects/{project}/locations/{location}/functions", list_first_generation),
        Route(FUNCTIONS, list_functions),
        Route(f"{FUNCTIONS}:generateUploadUrl", upload_url, methods=["POST"]),
        Route(FUNCTIONS, create, methods=["POST"]),
        Route(f"{FUNCTIONS}/{{function}}", update, methods=["PATCH"]),
        Route(f"{FUNCTIONS}/{{function}}", delete, methods=["DELETE"]),
        Route(OPERATIONS, operation),
    ]


def _write(project: GoogleProject, name: str, function: Json) -> Response:
    """Create or update a function, as its build goes."""
    _, _, _, location, _, function_id = name.split("/")
    if function_id in project.exhausted:
        project.exhausted.remove(function_id)
        return refusal(429, "Quota exceeded for quota metric 'Write requests'")
    source = function["buildConfig"]["source"]["storageSource"]
    if f"{source['bucket']}/{source['object']}" not in project.uploads:
        return refusal(400, f"no source was uploaded to {source}")
    failure = project.failing.pop(function_id, None)
    written = _resource(project, name, function)
    project.functions[name] = {**written, "state": "FAILED" if failure else "DEPLOYING"}

    def finish() -> Json:
        project.functions[name] = {**written, "state": "ACTIVE"}
        return project.functions[name]

    return answer(begin(project, location, finish, failure))


def _resource(project: GoogleProject, name: str, function: Json) -> Json:
    """What was asked for, with what Google adds."""
    _, _, _, location, _, function_id = name.split("/")
    service = function_id.lower().replace("_", "-")
    uri = f"https://{service}-{project.number}.{location}.run.app"
    written: dict[str, Any] = deepcopy(function)
    written |= {"name": name, "environment": "GEN_2", "url": uri}
    written["serviceConfig"] |= {
        "service": f"projects/{project.id}/locations/{location}/services/{service}",
        "revision": f"{service}-0000{project.next_number()}",
        "uri": uri,
    }
    if "eventTrigger" in written:
        trigger = f"{service}-{project.next_number()}"
        written["eventTrigger"]["trigger"] = (
            f"projects/{project.id}/locations/{location}/triggers/{trigger}"
        )
    return written


def storage(project: GoogleProject) -> list[Route]:
    async def upload(request: Request) -> Response:
        bucket, name = request.path_params["bucket"], request.path_params["name"]
        project.uploads[f"{bucket}/{name}"] = await request.body()
        return Response(headers={"x-goog-generation": "1"})

    return [Route("/{bucket}/{name}", upload, methods=["PUT"])]


def run(project: GoogleProject) -> list[Route]:
    service = "/v1/projects/{project}/locations/{location}/services/{service}"

    def name_of(request: Request) -> str:
        return request.url.path.removeprefix("/v1/").partition(":")[0]

    async def get_policy(request: Request) -> Response:
        return answer(project.policy(name_of(request)))

    async def set_policy(request: Request) -> Response:
        return replace_policy(project, name_of(request), (await request.json())["policy"])

    return [
        Route(f"{service}:getIamPolicy", get_policy),
        Route(f"{service}:setIamPolicy", set_policy, methods=["POST"]),
    ]


def pubsub(project: GoogleProject) -> list[Route]:
    async def create_topic(request: Request) -> Response:
        name = request.url.path.removeprefix("/v1/")
        if name in project.topics:
            return refusal(409, f"Resource already exists: {name}")
        project.topics.add(name)
        return answer({"name": name})

    return [Route("/v1/projects/{project}/topics/{topic}", create_topic, methods=["PUT"])]


def artifact_registry(project: GoogleProject) -> list[Route]:
    def name_of(request: Request) -> str:
        return request.url.path.removeprefix("/v1/")

    async def get(request: Request) -> Response:
        name = name_of(request)
        return answer(project.repositories.setdefault(name, {"name": name, "format": "DOCKER"}))

    async def update(request: Request) -> Response:
        project.repositories[name_of(request)] |= await request.json()
        return answer(project.repositories[name_of(request)])

    return [Route(REPOSITORY, get), Route(REPOSITORY, update, methods=["PATCH"])]
