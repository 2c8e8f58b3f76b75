"""The file ``nightshift.yaml``: the policy itself, reviewed in a repository and uploaded from there.

It is the object ``policy/nightshift.yaml`` (parameter ``PolicyKey``) of the artifacts bucket:
``aws s3 cp nightshift.yaml s3://ARTIFACTS_BUCKET/policy/nightshift.yaml``. The bucket keeps its versions.
"""

from nightshift.aws import artifacts
from nightshift.sources import Here

PRIORITY = 30
PERMISSIONS = ("s3:GetObject",)


def read(here: Here) -> str | None:
    """The object's text."""
    return artifacts.find(here.artifacts_bucket, here.policy_key)
