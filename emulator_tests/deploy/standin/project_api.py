"""The project itself: tokens, APIs that are enabled, policies, secrets."""

from __future__ import annotations

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator_tests.deploy.standin.answers import answer, refusal
from emulator_tests.deploy.standin.project import GoogleProject, Json

MEMBER = re.compile(r"allUsers|(serviceAccount|user):[^@]+@[^@]+\.[^@]+")


def replace_policy(project: GoogleProject, resource: str, policy: Json) -> Response:
    """Set the IAM policy of a resource, unless a member of it cannot be."""
    for binding in policy["bindings"]:
        for member in binding["members"]:
            if not MEMBER.fullmatch(member):
                return refusal(400, f"Invalid member: {member}")
    project.policies[resource] = policy
    return answer(policy)


def tokens(project: GoogleProject) -> list[Route]:
    async def issue(request: Request) -> Response:
        token = f"token-{secrets.token_hex(8)}"
        project.tokens.add(token)
        return answer({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    return [Route("/oauth2/v3/token", issue, methods=["POST"])]


def service_usage(project: GoogleProject) -> list[Route]:
    async def get(request: Request) -> Response:
        enabled = request.path_params["service"] in project.enabled
        return answer({"state": "ENABLED" if enabled else "DISABLED"})

    async def enable(request: Request) -> Response:
        project.enabled.add(request.path_params["service"])
        return answer({"name": "operations/enable", "done": True})

    async def identity(request: Request) -> Response:
        return answer({"name": "operations/identity", "done": True})

    service = "projects/{project}/services/{service}"
    return [
        Route(f"/v1/{service}", get),
        Route(f"/v1/{service}:enable", enable, methods=["POST"]),
        Route(f"/v1beta1/{service}:generateServiceIdentity", identity, methods=["POST"]),
    ]


def resource_manager(project: GoogleProject) -> list[Route]:
    async def get(request: Request) -> Response:
        return answer(
            {"projectId": project.id, "projectNumber": project.number, "lifecycleState": "ACTIVE"}
        )

    async def get_policy(request: Request) -> Response:
        return answer(project.policy("project"))

    async def set_policy(request: Request) -> Response:
        return replace_policy(project, "project", (await request.json())["policy"])

    name = "/v1/projects/{project}"
    return [
        Route(name, get),
        Route(f"{name}:testIamPermissions", permitted, methods=["POST"]),
        Route(f"{name}:getIamPolicy", get_policy, methods=["POST"]),
        Route(f"{name}:setIamPolicy", set_policy, methods=["POST"]),
    ]


async def permitted(request: Request) -> Response:
    """The caller may do all that is asked for."""
    return answer({"permissions": (await request.json())["permissions"]})


def iam(project: GoogleProject) -> list[Route]:
    account = "/v1/projects/{project}/serviceAccounts/{account}"
    return [Route(f"{account}:testIamPermissions", permitted, methods=["POST"])]


def compute(project: GoogleProject) -> list[Route]:
    async def get(request: Request) -> Response:
        return answer({"name": project.id, "defaultServiceAccount": project.compute_account})

    return [Route("/compute/v1/projects/{project}", get)]


def firebase(project: GoogleProject) -> list[Route]:
    async def admin_config(request: Request) -> Response:
        return answer(
            {"projectId": project.id, "storageBucket": f"{project.id}.firebasestorage.app"}
        )

    async def get(request: Request) -> Response:
        return answer(
            {
                "name": f"projects/{project.id}",
                "projectId": project.id,
                "projectNumber": project.number,
                "state": "ACTIVE",
            }
        )

    name = "/v1beta1/projects/{project}"
    return [Route(f"{name}/adminSdkConfig", admin_config), Route(name, get)]


def secret_manager(project: GoogleProject) -> list[Route]:
    secret = "/v1/projects/{project}/secrets/{secret}"

    def name_of(request: Request) -> str:
        return f"projects/{project.id}/secrets/{request.path_params['secret']}"

    def missing(request: Request) -> bool:
        return request.path_params["secret"] not in project.secrets

    async def get(request: Request) -> Response:
        if missing(request):
            return refusal(404, f"Secret [{name_of(request)}] not found")
        return answer({"name": name_of(request), "replication": {"automatic": {}}})

    async def get_version(request: Request) -> Response:
        if missing(request):
            return refusal(404, f"Secret [{name_of(request)}] not found")
        return answer({"name": f"{name_of(request)}/versions/1", "state": "ENABLED"})

    async def get_policy(request: Request) -> Response:
        return answer(project.policy(name_of(request)))

    async def set_policy(request: Request) -> Response:
        return replace_policy(project, name_of(request), (await request.json())["policy"])

    return [
        Route(f"{secret}:getIamPolicy", get_policy),
        Route(f"{secret}:setIamPolicy", set_policy, methods=["POST"]),
        Route(f"{secret}/versions/{{version}}", get_version),
        Route(secret, get),
    ]
