"""Parameter Store: a few limits, changed quickly by hand, above whatever the file says.

``aws ssm put-parameter --name /STACK/policy --type String --value '{healing: {attempts: 1}}' --overwrite``.
A standard parameter holds 4 KB, an advanced one 8 KB. Write ``{}`` to withdraw it: a parameter that was in
force and is deleted is refused, or what it tightened would be loose again unnoticed.
"""

from nightshift.aws import parameters
from nightshift.sources import Here

PRIORITY = 40
PERMISSIONS = ("ssm:GetParameter",)


def read(here: Here) -> str | None:
    """The parameter's value."""
    return parameters.text(here.policy_parameter)
