"""What a function declares to `firebase deploy`.

The deploy tool looks for plain functions that carry `__firebase_endpoint__`, a dataclass in the
terms of the functions manifest. The decorators of firebase-functions fix `retry: false` for
Firestore triggers, and with it a failed event is lost. So onto_fn declares its endpoints itself
and asks for redelivery; nothing of firebase-functions is needed when an event is served.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args

from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.functions.limits import (
    MAX_CONCURRENCY,
    MAX_EVENT_SEC,
    MAX_HTTP_SEC,
    check_cpu,
    check_instances,
    check_memory,
    check_number,
)

if TYPE_CHECKING:
    from firebase_functions.options import IngressSetting, VpcEgressSetting
    from firebase_functions.params import Expression, SecretParam

T = TypeVar("T", str, int, float, bool)
# A value, or a parameter of firebase_functions.params that is known when it is deployed.
Param = Union[T, "Expression[T]"]

# The name of a secret, or a parameter that declares it.
Secret = Union[str, "SecretParam"]

# By name, or as firebase_functions.options has them, whose members are texts too.
_IngressName = Literal["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"]
_EgressName = Literal["PRIVATE_RANGES_ONLY", "ALL_TRAFFIC"]
Ingress = Union[_IngressName, "IngressSetting"]
Egress = Union[_EgressName, "VpcEgressSetting"]
_EGRESS = "vpc_connector_egress_settings"

WRITTEN = "google.cloud.firestore.document.v1.written"
CREATED = "google.cloud.firestore.document.v1.created"
MAX_NAME = 62


@dataclass(frozen=True)
class FunctionOptions:
    """How functions run. None means the platform's default.

    Attributes:
        region: where they run; choose the database's region.
        memory: MiB: 128, 256, 512, 1024 and so on, up to 32768.
        timeout_sec: seconds; at most 540 for an event, 3,600 for an HTTP request.
        concurrency: requests that one instance serves at once; at most 1000.
        min_instances: instances kept warm.
        max_instances: upper bound of instances.
        cpu: vCPUs, or `"gcf_gen1"`.
        service_account: email; or, without secrets, `name@` in the same project.
        vpc_connector: name of the Serverless VPC Access connector for outgoing requests.
        vpc_connector_egress_settings: which requests use it.
        ingress: from where they can be called.
        database: id of the Firestore database.
        secrets: secrets, or their names, that become environment variables.
        labels: labels of the functions.

    Raises:
        DeclarationError: `name@` with secrets, or a setting of a connector that is not given, or
            one that the platform does not have; or a number beyond the platform's limits.
    """

    region: Param[str] | None = None
    memory: Param[int] | None = None
    timeout_sec: Param[int] | None = None
    concurrency: Param[int] | None = None
    min_instances: Param[int] | None = None
    max_instances: Param[int] | None = None
    cpu: int | str | None = None
    service_account: Param[str] | None = None
    vpc_connector: Param[str] | None = None
    vpc_connector_egress_settings: Egress | None = None
    ingress: Ingress | None = None
    database: str = "(default)"
    secrets: tuple[Secret, ...] = ()
    labels: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        account = self.service_account
        if self.secrets and isinstance(account, str) and account.endswith("@"):
            # The deploy tool completes it for the function, and not where it opens the secrets.
            raise DeclarationError(
                f"service_account={account!r} cannot be given access to secrets: write its whole "
                f"email, {account}PROJECT.iam.gserviceaccount.com, or a StringParam that has it"
            )
        self._check_limits()
        _check_setting("ingress", self.ingress, _IngressName)
        _check_setting(_EGRESS, self.vpc_connector_egress_settings, _EgressName)
        if self.vpc_connector_egress_settings is not None and self.vpc_connector is None:
            raise DeclarationError(
                f"{_EGRESS} decides which requests use a connector; name the connector, "
                "`vpc_connector=`"
            )

    def _check_limits(self) -> None:
        check_number("timeout_sec", self.timeout_sec, 1, MAX_HTTP_SEC, "seconds of a function")
        most = "requests that one instance serves at once; for more, raise max_instances"
        check_number("concurrency", self.concurrency, 1, MAX_CONCURRENCY, most)
        check_memory(self.memory)
        check_instances(self.min_instances, self.max_instances)
        check_cpu(self.cpu, self.concurrency, self.memory)

    def check_for_events(self) -> None:
        """Refuse what a function that handles events cannot have.

        Raises:
            DeclarationError: it is to have more time than the platform gives it.
        """
        remedy = (
            "seconds that the platform gives a function for an event; the API has a time of its "
            "own, Api(timeout_sec=)"
        )
        check_number("timeout_sec", self.timeout_sec, 1, MAX_EVENT_SEC, remedy)

    def endpoint(
        self,
        name: str,
        *,
        event: dict[str, Any] | None = None,
        https: dict[str, Any] | None = None,
        callable: dict[str, Any] | None = None,
    ) -> Endpoint:
        """The endpoint of a function with these options.

        Args:
            name: of the function.
            event: its event trigger, or
            https: its HTTP trigger, or
            callable: that of one which the Firebase SDKs call, in the manifest's terms.

        Raises:
            DeclarationError: an event function has more time than the platform gives it.
        """
        if event is not None:
            self.check_for_events()
        return Endpoint(
            entryPoint=name,
            eventTrigger=event,
            httpsTrigger=https,
            callableTrigger=callable,
            region=[self.region] if self.region is not None else None,
            availableMemoryMb=self.memory,
            timeoutSeconds=self.timeout_sec,
            concurrency=self.concurrency,
            minInstances=self.min_instances,
            maxInstances=self.max_instances,
            cpu=self.cpu,
            serviceAccountEmail=self.service_account,
            vpc=self._vpc(),
            ingressSettings=self.ingress,
            secretEnvironmentVariables=[{"key": _name(secret)} for secret in self.secrets],
            labels=self.labels or None,
        )

    def _vpc(self) -> dict[str, Any] | None:
        if self.vpc_connector is None:
            return None
        egress = self.vpc_connector_egress_settings
        settings = {"connector": self.vpc_connector, "egressSettings": egress}
        return {name: value for name, value in settings.items() if value is not None}


# The names are the manifest's, which the deploy tool reads field by field.
@dataclass(frozen=True)
class Endpoint:
    """One function in the functions manifest."""

    entryPoint: str
    eventTrigger: dict[str, Any] | None = None
    httpsTrigger: dict[str, Any] | None = None
    callableTrigger: dict[str, Any] | None = None
    platform: str = "gcfv2"
    region: list[Any] | None = None
    availableMemoryMb: Any = None
    timeoutSeconds: Any = None
    concurrency: Any = None
    minInstances: Any = None
    maxInstances: Any = None
    cpu: int | str | None = None
    serviceAccountEmail: Any = None
    vpc: dict[str, Any] | None = None
    ingressSettings: str | None = None
    secretEnvironmentVariables: list[dict[str, str]] | None = None
    labels: dict[str, str] | None = None


@dataclass(frozen=True)
class FirestoreFunction:
    """A function that is called for the writes to one collection.

    Attributes:
        name: the function's name.
        collection: template of the collection's path.
        options: how it runs.
        event_type: which writes: all, or only those that create a document.
    """

    name: str
    collection: PathTemplate
    options: FunctionOptions
    event_type: str = WRITTEN

    @property
    def document(self) -> str:
        """The document pattern of the trigger, such as `users/{doc_id}`."""
        variable = "doc_id" if "doc_id" not in self.collection.variables else "document_id"
        return self.collection.child(f"{{{variable}}}").text

    def endpoint(self) -> Endpoint:
        """The options for the deploy tool. `retry` asks the platform to redeliver (G5)."""
        trigger = {
            "eventType": self.event_type,
            "retry": True,
            "eventFilters": {"database": self.options.database, "namespace": "(default)"},
            "eventFilterPathPatterns": {"document": self.document},
        }
        return self.options.endpoint(self.name, event=trigger)


def _check_setting(name: str, value: object, allowed: Any) -> None:
    if value is not None and value not in get_args(allowed):
        known = ", ".join(map(repr, get_args(allowed)))
        raise DeclarationError(f"{name} must be one of {known}, got {value!r}")


def _name(secret: Secret) -> str:
    return secret if isinstance(secret, str) else secret.name


def function_names(
    collections: Sequence[PathTemplate], chosen: Mapping[str, str]
) -> dict[PathTemplate, str]:
    """The name of each collection's function, such as `on_polls_votes_written`.

    A name that is too long or already used is shortened and gets a digest of the collection's path.
    The digest never changes.

    Args:
        collections: in the order of their paths.
        chosen: names that the app chooses, by the paths of collections.

    Raises:
        DeclarationError: a chosen name is not allowed or not free, or its collection is not among
            these.
    """
    by_shape = {_shape(collection): collection for collection in collections}
    names: dict[PathTemplate, str] = {}
    taken: dict[str, PathTemplate] = {}  # the platform's service names are lower-case
    for text, name in chosen.items():
        collection = by_shape.get(_shape(PathTemplate(text)))
        if collection is None:
            known = ", ".join(sorted(template.text for template in collections))
            raise DeclarationError(
                f"function_names has a name for {text!r}, to which the app does not listen; "
                f"it listens to {known}"
            )
        if not _ALLOWED.fullmatch(name) or name.startswith("onto_"):
            raise DeclarationError(
                f"function_names: {name!r} is not a function name; a name begins with a letter, "
                f"has at most {MAX_NAME} letters, digits and underscores, and does not begin with "
                "onto_"
            )
        other = taken.setdefault(name.lower(), collection)
        if other is not collection:
            raise DeclarationError(
                f"function_names: the functions for {other.text!r} and {text!r} would both be "
                f"named {name!r}"
            )
        names[collection] = name
    for collection in collections:
        if collection in names:
            continue
        name = _plain_name(collection)
        if len(name) > MAX_NAME or name.lower() in taken:
            name = _short_name(collection)
        taken[name.lower()] = collection
        names[collection] = name
    return names


_ALLOWED = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}")
_DIGEST = 8  # hexadecimal digits


def _plain_name(collection: PathTemplate) -> str:
    return f"on_{_stem(collection)}_written"


def _short_name(collection: PathTemplate) -> str:
    digest = hashlib.sha256("/".join(_shape(collection)).encode()).hexdigest()[:_DIGEST]
    room = MAX_NAME - len(f"on___{digest}_written") + 1
    return f"on_{_stem(collection)[:room]}_{digest}_written"


def _stem(collection: PathTemplate) -> str:
    literal = [segment for segment in collection.segments if not segment.startswith("{")]
    return "_".join(re.sub(r"[^A-Za-z0-9]+", "_", part) for part in literal)


def _shape(collection: PathTemplate) -> tuple[str, ...]:
    """The path without the names of its variables, which make no difference."""
    return tuple("{}" if part.startswith("{") else part for part in collection.segments)


def triggers_of(
    templates: Iterable[PathTemplate],
    outbox: PathTemplate | None,
    names: Mapping[str, str],
    options: FunctionOptions,
) -> list[FirestoreFunction]:
    """One function for each collection, and one for the outbox.

    Args:
        templates: paths of the collections; those that differ by the names of variables are one.
        outbox: path of the outbox, if messages are sent.
        names: names that the app has chosen, by path.
        options: how the functions run.
    """
    collections: dict[tuple[str, ...], PathTemplate] = {}
    for template in sorted(templates, key=str):
        shape = tuple("{}" if s.startswith("{") else s for s in template.segments)
        collections.setdefault(shape, template)
    listened = [template for _, template in sorted(collections.items())]
    chosen = function_names([*listened, outbox] if outbox else listened, names)
    triggers = [FirestoreFunction(chosen[template], template, options) for template in listened]
    if outbox is not None:
        triggers.append(FirestoreFunction(chosen[outbox], outbox, options, CREATED))
    return triggers
