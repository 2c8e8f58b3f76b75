"""adopt_policy: a sound policy is put in force, anything else is refused and the last good one stays."""

from __future__ import annotations

from typing import Any

import pytest

from nightshift.aws import session
from nightshift.aws.policies import Policies
from nightshift.errors import Refused
from tests.functional.staging import POLICY
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack

LOOK = sample("schedule/adopt_policy")


def write(text: str | bytes) -> None:
    """Upload a policy."""
    body = text.encode() if isinstance(text, str) else text
    session.client("s3").put_object(
        Bucket=stack().ref("ArtifactsBucket"), Key=stack().ref("PolicyKey"), Body=body
    )


def in_force() -> tuple[str, Any]:
    """Version and policy that everything else reads."""
    return Policies(stack().ref("PoliciesTable")).current()


def test_a_changed_policy_is_put_in_force_and_told(world: World) -> None:
    """The next decision reads it; the event names the version that it replaces."""
    before, _ = in_force()
    write(POLICY.replace("attempts: 5", "attempts: 7"))
    answer = world.invoke("adopt_policy", LOOK)
    version, policy = in_force()
    assert answer == {"adopted": True, "policy_version": version, "code": "", "reason": f"replaces {before}"}
    assert version != before
    assert policy.healing.attempts == 7
    (told,) = world.events("PolicyChanged")
    assert (told["adopted"], told["policy_version"]) == (True, version)


def test_an_unchanged_policy_is_left_alone(world: World) -> None:
    """Every five minutes nothing happens."""
    assert world.invoke("adopt_policy", LOOK)["reason"] == "it is in force already"
    assert world.published == []


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("version: [", "policy.unreadable", "not YAML"),
        (POLICY.replace("attempts: 5", "attempts: many"), "policy.invalid", "healing.attempts"),
        (POLICY.replace("attempts: 5", "atempts: 5"), "policy.invalid", "healing.atempts"),
        (POLICY.replace("clean_disk", "clean_disc"), "policy.unknown_remedy", "symptoms.disk_full.ladder"),
        ("", "policy.invalid", "policy"),
    ],
)
def test_a_broken_policy_is_refused_and_the_last_good_one_stays(
    world: World, text: str, code: str, place: str
) -> None:
    """Code, place and reason are answered and told; what is in force does not change."""
    before = in_force()
    write(text)
    answer = world.invoke("adopt_policy", LOOK)
    assert (answer["adopted"], answer["code"], answer["policy_version"]) == (False, code, before[0])
    assert place in answer["reason"]
    assert in_force() == before
    (told,) = world.events("PolicyChanged")
    assert told["adopted"] is False
    assert told["reason"].startswith(f"{code}: ")


def test_a_refusal_says_line_and_column(world: World) -> None:
    """So does the event, which is all that whoever uploaded it sees."""
    write(POLICY.replace("settle_seconds: 4", "settle_seconds: 12"))
    line = POLICY[: POLICY.index("settle_seconds")].count("\n") + 1
    reason = world.invoke("adopt_policy", LOOK)["reason"]
    assert reason.startswith(f"line {line}, column 19: healing.settle_seconds: settle_seconds 12 must be")
    (told,) = world.events("PolicyChanged")
    assert reason in told["reason"]


def test_a_refused_policy_says_so_at_every_look_until_it_is_mended(world: World) -> None:
    """It is not adopted by repetition; the mended one is."""
    write("version: [")
    for _ in range(2):
        assert world.invoke("adopt_policy", LOOK)["code"] == "policy.unreadable"
    write(POLICY.replace("attempts: 5", "attempts: 6"))
    assert world.invoke("adopt_policy", LOOK)["adopted"] is True


def test_going_back_to_an_earlier_policy_moves_the_pointer_only(world: World) -> None:
    """Versions are immutable and named by their text."""
    first, _ = in_force()
    write(POLICY.replace("attempts: 5", "attempts: 6"))
    world.invoke("adopt_policy", LOOK)
    write(POLICY)
    assert world.invoke("adopt_policy", LOOK)["policy_version"] == first
    assert in_force()[1].healing.attempts == 5


def test_bytes_that_are_no_text_are_refused_with_a_code(world: World) -> None:
    """The invocation fails with its code and goes to the dead-letter queue; the last good one stays."""
    before = in_force()
    write(b"version: \xff\xfe")
    with pytest.raises(Refused) as refused:
        world.invoke("adopt_policy", LOOK)
    assert refused.value.code == "artifact.unreadable"
    assert in_force() == before


def test_a_policy_that_is_gone_leaves_the_last_good_one_in_force(world: World) -> None:
    """Deleting the object is no way to switch healing off."""
    before = in_force()
    session.client("s3").delete_object(Bucket=stack().ref("ArtifactsBucket"), Key=stack().ref("PolicyKey"))
    with pytest.raises(Exception, match="NoSuchKey"):
        world.invoke("adopt_policy", LOOK)
    assert in_force() == before


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ("min_healthy: 4", "min_healthy 4 is 4 of at most 4 nodes"),
        ("max_in_repair: 20%, min_healthy: 1", "max_in_repair 20% is 0 of at most 4 nodes"),
        ("max_in_repair: 4, min_healthy: 0", "could lose every node at once"),
    ],
)
def test_limits_that_a_group_of_its_size_cannot_live_with_are_refused(
    world: World, limits: str, why: str
) -> None:
    """Auto Scaling says how large it may become; the place is where the limit stands."""
    before = in_force()
    text = POLICY.replace(
        "auto_scaling_group: web-prod", f"auto_scaling_group: web-prod, healing: {{ {limits} }}"
    )
    assert text != POLICY
    write(text)
    answer = world.invoke("adopt_policy", LOOK)
    assert (answer["adopted"], answer["code"]) == (False, "policy.invalid")
    assert "groups.web-prod.healing." in answer["reason"]
    assert "line " in answer["reason"]
    assert why in answer["reason"]
    assert in_force() == before
