"""The environment: what one stack wants unless the file says otherwise, such as stage and production.

It is the template's parameter ``PolicyEnvironment``, YAML in one line, so that it changes with a deployment:
``sam deploy --parameter-overrides PolicyEnvironment='{healing: {approval_for: [high]}}'``.
"""

from nightshift.sources import Here

PRIORITY = 20
PERMISSIONS: tuple[str, ...] = ()


def read(here: Here) -> str | None:
    """The function's variable ``POLICY_ENVIRONMENT``."""
    return here.policy_environment
