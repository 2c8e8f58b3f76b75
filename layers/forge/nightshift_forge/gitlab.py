"""GitLab, or one of your own with ``url: https://HOST``.

The token is a project access token of the role Developer with the scope ``api``; put it as ``password`` into
the secret that the policy names. The status stands in the commit's pipelines, the record under Operate,
Environments (https://docs.gitlab.com/api/deployments/).
"""

from __future__ import annotations

from typing import Any

from gitlab import Gitlab
from gitlab.exceptions import GitlabError
from requests.exceptions import RequestException

from nightshift.errors import Retryable
from nightshift_forge import TIMEOUT, Mark, refused

PUBLIC = "https://gitlab.com"
LONGEST = 250  # characters of a description
ONCE = {"obey_rate_limit": False}  # who is told to wait is tried again by Lambda, not by sleeping here
AGAIN = "Cannot transition status"  # it has this state already
STATE = {
    "pending": "pending",
    "running": "running",
    "success": "success",
    "failure": "failed",
    "stopped": "canceled",
}
#: A record knows no waiting: it begins to run with the deployment's first batch.
RECORD = {name: state for name, state in STATE.items() if name != "pending"}


def mark(mark: Mark, token: str, url: str) -> None:
    """The status first, then the record. The client itself tries nothing again."""
    try:
        with Gitlab(
            url or PUBLIC,
            private_token=token,
            timeout=TIMEOUT,
            retry_transient_errors=False,
            keep_base_url=True,
        ) as api:
            project = api.projects.get(mark.project, lazy=True)
            _status(project, mark)
            if mark.state in RECORD:
                _record(project, mark)
    except GitlabError as error:
        raise refused("GitLab", error.response_code, str(error.error_message)) from error
    except RequestException as error:
        raise Retryable("forge.unreachable", f"GitLab did not answer: {type(error).__name__}") from error


def _status(project: Any, mark: Mark) -> None:
    told = {"state": STATE[mark.state], "name": mark.context, "description": mark.description[:LONGEST]}
    try:
        project.commits.get(mark.commit, lazy=True).statuses.create(told, **ONCE)
    except GitlabError as error:
        if AGAIN not in str(error.error_message):
            raise


def _record(project: Any, mark: Mark) -> None:
    """The newest record of this commit goes on, unless it is over: then this is another deployment of it."""
    wanted = RECORD[mark.state]
    known = project.deployments.list(
        environment=mark.environment, order_by="created_at", sort="desc", per_page=20, get_all=False, **ONCE
    )
    mine = next((one for one in known if one.sha == mark.commit), None)
    if mine is not None and mine.status == wanted:
        return
    if mine is not None and mine.status == RECORD["running"]:
        mine.status = wanted
        mine.save(**ONCE)
        return
    project.deployments.create(
        {
            "environment": mark.environment,
            "sha": mark.commit,
            "ref": mark.commit,
            "tag": False,
            "status": wanted,
        },
        **ONCE,
    )
