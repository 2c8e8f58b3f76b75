"""Samples as CloudWatch has them."""

from __future__ import annotations

from nightshift import clock, policy, remedies
from nightshift.aws import metrics
from tests.functional.staging import POLICY
from tests.functional.world import World

SYMPTOMS = policy.read(POLICY, remedies.names()).symptoms


def test_in_the_very_instant_of_an_effect_there_is_no_sample_and_no_failure(world: World) -> None:
    """A document may end in the millisecond in which its node is judged."""
    now = clock.now()
    found = metrics.samples(SYMPTOMS, world.instances()[0], now, now)
    assert found == dict.fromkeys(SYMPTOMS, ())
