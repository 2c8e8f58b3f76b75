"""GitHub, and GitHub Enterprise with ``url: https://HOST/api/v3``.

The token is a fine-grained one for the repository, with ``Commit statuses`` and ``Deployments`` to write and
``Contents`` to read; put it as ``password`` into the secret that the policy names. A deployment record is
known by the id that stands in its payload (https://docs.github.com/rest/deployments/deployments).
"""

from __future__ import annotations

from itertools import islice

from github import Auth, Github, GithubException, RateLimitExceededException
from github.Deployment import Deployment
from github.Repository import Repository
from requests.exceptions import RequestException

from nightshift.errors import Retryable
from nightshift_forge import TIMEOUT, Mark, refused

PUBLIC = "https://api.github.com"
LONGEST = 140  # characters of a description
STATUS = {
    "pending": "pending",
    "running": "pending",
    "success": "success",
    "failure": "failure",
    "stopped": "error",
}
DEPLOYMENT = {
    "pending": "queued",
    "running": "in_progress",
    "success": "success",
    "failure": "failure",
    "stopped": "error",
}


def mark(mark: Mark, token: str, url: str) -> None:
    """The status first, which every plan has; then the record. The client itself tries nothing again."""
    api = Github(
        auth=Auth.Token(token),
        base_url=url or PUBLIC,
        timeout=TIMEOUT,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        lazy=True,
    )
    said = mark.description[:LONGEST]
    try:
        project = api.get_repo(mark.project)
        commit = project.get_commit(mark.commit)
        commit.create_status(state=STATUS[mark.state], description=said, context=mark.context)
        record = _record(project, mark)
        wanted = DEPLOYMENT[mark.state]
        newest = next(iter(record.get_statuses()), None)
        if newest is None or newest.state != wanted:
            record.create_status(wanted, description=said, environment=mark.environment)
    except RateLimitExceededException as error:
        raise Retryable("forge.unreachable", "GitHub takes no more requests for now") from error
    except GithubException as error:
        raise refused("GitHub", error.status, str(error.message or "")) from error
    except RequestException as error:
        raise Retryable("forge.unreachable", f"GitHub did not answer: {type(error).__name__}") from error
    finally:
        api.close()


def _record(project: Repository, mark: Mark) -> Deployment:
    """The record of this deployment, made if there is none: of nothing but the commit, without any check."""
    known = project.get_deployments(sha=mark.commit, environment=mark.environment)
    for one in islice(known, 20):
        if one.payload.get("nightshift") == mark.deployment_id:
            return one
    return project.create_deployment(
        ref=mark.commit,
        environment=mark.environment,
        auto_merge=False,
        required_contexts=[],
        payload={"nightshift": mark.deployment_id},
        description=mark.description[:LONGEST],
    )
