"""What the policy says of apps: where they come from, where they go to, and how carefully."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from nightshift.amounts import Name, Seconds
from nightshift.policy_terms import limit
from nightshift.strategy import Strategy

# What neither leaves this machine nor travels unencrypted, and holds no credentials.
Repository = Annotated[str, Field(pattern=r"^(https|file)://[^@\s]+$", max_length=500)]
# The name of a secret below <stack>/git/.
Secret = Annotated[str, Field(pattern=r"^([A-Za-z0-9/_+=.-]{1,200})?$")]
# As with repositories: a token leaves this machine encrypted only.
ApiUrl = Annotated[str, Field(pattern=r"^((https://|http://127\.0\.0\.1)[^@\s]*)?$", max_length=500)]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$")]


# The documents' own allowedPatterns: what a policy lets pass, a node must take.
SharedPath = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$", max_length=200)
]
VersionUrl = Annotated[
    str,
    Field(pattern=r"^(http://(127\.0\.0\.1|localhost)(:(PORT|[0-9]{1,5}))?/[A-Za-z0-9._/-]{0,200})?$"),
]


class Install(BaseModel):
    """How a release is put onto a node.

    With ``version_url`` a node asks the *running* process for its version after each restart (JSON with a
    ``version``, or only the version as text), so that a restart that did nothing is a failed step. ``PORT``
    in it is the node's ``NIGHTSHIFT_SERVICE_PORT``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    shared: tuple[SharedPath, ...] = Field((), max_length=20, description="Paths that all releases share")
    keep: int = Field(
        5, ge=2, le=99, description="Releases that stay on a node; the last good one always does"
    )
    hook_seconds: int = Field(60, ge=1, le=300, description="How long each hook of a release may take")
    version_url: VersionUrl = Field(
        "", description="Where the running service says its version; empty: not asked"
    )
    version_seconds: int = Field(30, ge=1, le=300, description="How long it may take to say its version")

    def parameters(self, last_good: str = "") -> dict[str, str]:
        """What the document is told of it; ``last_good`` is a version that is never cleaned up."""
        return {
            "Shared": " ".join(self.shared),
            "Keep": str(self.keep),
            "LastGood": last_good,
            "HookSeconds": str(self.hook_seconds),
            "VersionUrl": self.version_url,
            "VersionSeconds": str(self.version_seconds),
        }


APPROVAL = "approval"  # the gate that is a person


class Gate(BaseModel):
    """A verdict that a deployment waits for: a check's, by whoever knows ``secret``; or a person's.

    ``secret`` names one below ``<stack>/gates/`` in Secrets Manager; without it the stack's own
    ``WebhookSecret`` counts, and a name alone is enough: ``ci`` is ``{ name: ci }``. The gate ``approval``
    (or ``{ approval: true }``) is a person, who is asked when every other gate has passed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Name = Field(description="What it is called by who reports")
    secret: Name | Literal[""] = Field(
        "", description="The only secret that speaks for it, below `<stack>/gates/`"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if value == {APPROVAL: True}:
            return {"name": APPROVAL}
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _no_secret_approves(self) -> Self:
        if self.name == APPROVAL and self.secret:
            raise ValueError("a person approves by name or by a signed link, never by a secret")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A name alone is one too, and so is ``{ approval: true }``."""
        whole = handler.resolve_ref_schema(handler(core))
        long = dict(whole)
        whole.clear()
        approval = {
            "type": "object",
            "properties": {APPROVAL: {"const": True, "description": "A person's word"}},
            "required": [APPROVAL],
            "additionalProperties": False,
        }
        whole.update(anyOf=[long["properties"]["name"], approval, long], title=long["title"])
        return whole


class CommitStatus(BaseModel):
    """Where it is told what became of commits; the providers are the files of nightshift_forge."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    provider: Name = Field(description="github or gitlab")
    credentials: Secret = Field(
        min_length=1, description="The secret below `<stack>/git/` whose `password` is its token"
    )
    url: ApiUrl = Field("", description="Its API, where it is not the public service's")


class App(BaseModel):
    """An app that a push to its branch deploys.

    ``credentials`` names a secret below ``<stack>/git/`` in Secrets Manager, JSON with ``username`` and
    ``password``; empty for a repository that anybody may read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    repository: Repository = Field(description="Its address, as its provider's webhooks name it")
    branch: Branch = Field("main", description="A push to this branch is deployed")
    groups: tuple[str, ...] = Field(min_length=1, description="Each is deployed to by itself")
    strategy: Strategy = Strategy()
    deploy_on: Literal["push", "release"] = Field(
        "push", description="A push to the branch, or a published release's tag"
    )
    gates: tuple[Gate, ...] = Field(
        (),
        description="Each must report `passed` for a commit before it is deployed",
        json_schema_extra=limit("fewer", "a commit must pass {} before it is deployed"),
    )
    gates_seconds: Seconds = Field(3_600, description="How long a deployment waits for their reports")
    approval_seconds: Seconds = Field(
        3_600, description="How long a person may take who is asked; no answer is a no"
    )
    announce: frozenset[Literal["started", "succeeded"]] = Field(
        frozenset(), description="What is told besides failures and rollbacks, which always are"
    )
    install: Install = Install()
    commit_status: CommitStatus | None = Field(
        None,
        description="Where each commit's status and deployment record are kept; nowhere, if it is left out",
    )
    credentials: Secret = Field(
        "",
        description="The secret below `<stack>/git/` that its repository is read with; empty: anybody may",
    )

    @property
    def project(self) -> str:
        """What its provider calls the repository: ``acme/web``."""
        return plain(self.repository).split("/", 3)[-1]

    def is_pushed(self, repositories: tuple[str, ...], ref: str) -> bool:
        """Whether a push to ``ref`` of a repository with these addresses is one that deploys this app."""
        tagged = ref.startswith("refs/tags/")
        wanted = tagged if self.deploy_on == "release" else ref == f"refs/heads/{self.branch}"
        return wanted and plain(self.repository) in map(plain, repositories)


def plain(repository: str) -> str:
    """A repository's address as it is compared: hosts ignore case, and ``.git`` may be left out."""
    scheme, _, rest = repository.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}/{path.removesuffix('/').removesuffix('.git')}"
