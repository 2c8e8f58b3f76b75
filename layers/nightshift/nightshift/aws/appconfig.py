"""AppConfig's data plane: what is deployed to a configuration profile now."""

from __future__ import annotations

from nightshift.aws.session import client
from nightshift.errors import Refused


def deployed(application: str, environment: str, profile: str) -> str | None:
    """The deployed configuration as text; None while nothing was deployed.

    Each call is a session of its own, so that an answer is always whole: within a session AppConfig
    answers nothing for what has not changed. Raises Refused ``policy.not_text`` when it is not UTF-8.
    """
    data = client("appconfigdata")
    try:
        token = data.start_configuration_session(
            ApplicationIdentifier=application,
            EnvironmentIdentifier=environment,
            ConfigurationProfileIdentifier=profile,
        )["InitialConfigurationToken"]
        body = data.get_latest_configuration(ConfigurationToken=token)["Configuration"].read()
    except data.exceptions.ResourceNotFoundException:
        return None
    try:
        return bytes(body).decode() if body else None
    except UnicodeDecodeError as error:
        raise Refused("policy.not_text", f"what AppConfig deploys is not UTF-8: {error}") from error
