"""adopt_policy: a sound policy is put in force, anything else is refused and the last good one stays."""

from __future__ import annotations

from typing import Any

import pytest

from nightshift.aws import session
from nightshift.aws.policies import Policies
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
    words = "LOOSENED healing.attempts: a node may be given 7 remedies within 1 hour instead of 5"
    why = f"replaces {before}: {words}"
    assert answer == {"adopted": True, "policy_version": version, "code": "", "reason": why}
    assert version != before
    assert policy.healing.attempts == 7
    (told,) = world.events("PolicyChanged")
    assert (told["adopted"], told["policy_version"], told["reason"]) == (True, version, why)


def test_a_change_whose_event_was_lost_is_told_by_the_next_look(world: World) -> None:
    """It is in force, and somebody hears of it: once."""
    write(POLICY.replace("attempts: 5", "attempts: 7"))
    world.broken["eventbridge.PutEvents"] = "InternalException"
    with pytest.raises(Exception, match="InternalException"):
        world.invoke("adopt_policy", LOOK)
    assert in_force()[1].healing.attempts == 7
    world.broken.clear()
    for _ in range(2):
        assert world.invoke("adopt_policy", LOOK)["reason"] == "it is in force already"
    (told,) = world.events("PolicyChanged")
    assert told["adopted"] is True
    assert "healing.attempts" in told["reason"]


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


def test_a_refusal_says_source_line_and_column(world: World) -> None:
    """So does the event, which is all that whoever uploaded it sees."""
    write(POLICY.replace("settle_seconds: 4", "settle_seconds: 12"))
    line = POLICY[: POLICY.index("settle_seconds")].count("\n") + 1
    reason = world.invoke("adopt_policy", LOOK)["reason"]
    assert reason.startswith(
        f"file, line {line}, column 19: healing.settle_seconds: settle_seconds 12 must be"
    )
    (told,) = world.events("PolicyChanged")
    assert reason in told["reason"]


def test_a_refused_policy_is_told_once_and_answered_at_every_look_until_it_is_mended(world: World) -> None:
    """It is not adopted by repetition, and nobody is woken every five minutes; another mistake is news."""
    write("version: [")
    for _ in range(3):
        assert world.invoke("adopt_policy", LOOK)["code"] == "policy.unreadable"
    assert len(world.events("PolicyChanged")) == 1
    write("version: [[")
    world.invoke("adopt_policy", LOOK)
    assert len(world.events("PolicyChanged")) == 2
    write(POLICY.replace("attempts: 5", "attempts: 6"))
    assert world.invoke("adopt_policy", LOOK)["adopted"] is True
    assert [one["adopted"] for one in world.events("PolicyChanged")] == [False, False, True]


def test_a_refusal_is_one_page_that_says_where_and_what_holds_meanwhile(world: World) -> None:
    """However often it is looked at, and however often its event is delivered."""
    before, _ = in_force()
    write(POLICY.replace("attempts: 5", "attempts: many"))
    for _ in range(3):
        world.invoke("adopt_policy", LOOK)
    for _ in range(2):
        world.deliver("PolicyChanged")
    (page,) = world.pages()
    assert page["Subject"] == "[nightshift] a policy is refused"
    assert "file, line " in page["Message"]
    assert f"version {before} stays in force" in page["Message"]
    assert "nightshift config show" in page["Message"]


def test_the_same_mistake_is_news_again_after_it_was_taken_back(world: World) -> None:
    """Going back to the text in force ends the refusal."""
    broken = POLICY.replace("attempts: 5", "attempts: many")
    for text in (broken, POLICY, broken):
        write(text)
        world.invoke("adopt_policy", LOOK)
    assert [one["adopted"] for one in world.events("PolicyChanged")] == [False, False]
    refused = Policies(stack().ref("PoliciesTable")).pointer().refused
    assert refused is not None
    assert (refused.code, refused.at) == ("policy.invalid", "2026-11-23T03:00:15.000Z")


def test_going_back_to_an_earlier_policy_moves_the_pointer_only(world: World) -> None:
    """Versions are immutable and named by their text."""
    first, _ = in_force()
    write(POLICY.replace("attempts: 5", "attempts: 6"))
    world.invoke("adopt_policy", LOOK)
    write(POLICY)
    assert world.invoke("adopt_policy", LOOK)["policy_version"] == first
    assert in_force()[1].healing.attempts == 5


def test_bytes_that_are_no_text_are_refused_with_a_code(world: World) -> None:
    """Told once as any other refusal; the last good one stays."""
    before = in_force()
    write(b"version: \xff\xfe")
    for _ in range(2):
        assert world.invoke("adopt_policy", LOOK)["code"] == "artifact.unreadable"
    assert in_force() == before
    assert len(world.events("PolicyChanged")) == 1


def test_a_policy_that_is_gone_leaves_the_last_good_one_in_force(world: World) -> None:
    """Deleting the object is no way to switch healing off."""
    before = in_force()
    session.client("s3").delete_object(Bucket=stack().ref("ArtifactsBucket"), Key=stack().ref("PolicyKey"))
    answer = world.invoke("adopt_policy", LOOK)
    assert (answer["adopted"], answer["code"]) == (False, "policy.source_gone")
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
