"""AWS AppConfig: a change that is rolled out, watched and rolled back by AppConfig's own means.

Write it into the stack's configuration profile (output ``PolicyProfileId``) and deploy that version:
``aws appconfig create-hosted-configuration-version`` with content type ``application/x-yaml``, then
``aws appconfig start-deployment``. It may say the whole policy, or only what shall be different now. Until
something was deployed there, it says nothing. What AppConfig has deployed cannot be taken away again, only
replaced: ``{}`` withdraws it.
"""

from nightshift.aws import appconfig
from nightshift.sources import Here

PRIORITY = 50
PERMISSIONS = ("appconfig:GetLatestConfiguration", "appconfig:StartConfigurationSession")


def read(here: Here) -> str | None:
    """What is deployed to the stack's profile."""
    return appconfig.deployed(here.appconfig_application, here.appconfig_environment, here.appconfig_profile)
