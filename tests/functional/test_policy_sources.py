"""adopt_policy reads every source, merges them by priority, and remembers who said what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from nightshift import sources
from nightshift.aws import session
from nightshift.aws.policies import Policies
from nightshift.errors import Conflict
from nightshift.policy_layers import Said
from nightshift.settings import Settings
from tests.functional.staging import POLICY
from tests.functional.test_adopt_policy import LOOK, in_force, write
from tests.functional.world import World
from tests.stack import stack

LINE = POLICY[: POLICY.index("attempts: 5")].count("\n") + 1


def parameter(text: str, **more: Any) -> None:
    """Write the parameter."""
    order = {"Name": "/nightshift/policy", "Value": text, "Type": "String", "Overwrite": True}
    session.client("ssm").put_parameter(**{**order, **more})


def look(world: World) -> dict[str, Any]:
    """Adopt what the sources say now."""
    return world.invoke("adopt_policy", LOOK)


def said(path: str) -> tuple[Said, ...]:
    """Who says what about a value of the policy in force."""
    return Policies(stack().ref("PoliciesTable")).provenance()[path]


@contextmanager
def environment(text: str) -> Iterator[None]:
    """The template's parameter ``PolicyEnvironment``, which each process of the function reads once."""
    Settings.current.cache_clear()
    with patch.dict(stack().functions["adopt_policy"].environment, {"POLICY_ENVIRONMENT": text}):
        yield
    Settings.current.cache_clear()


def test_each_source_has_a_say_and_the_highest_the_last_word(world: World) -> None:
    """AppConfig over Parameter Store over the file over the environment over the defaults."""
    world.configuration = b"healing: { attempts: 1 }"
    parameter("healing: { attempts: 2, approval_seconds: 60 }")
    with environment("{healing: {attempts: 4, approval_for: [high], approval_seconds: 90}}"):
        assert look(world)["adopted"] is True
    healing = in_force()[1].healing
    assert (healing.attempts, healing.approval_seconds, healing.approval_for) == (1, 60, ("high",))
    assert healing.lease_seconds == 600
    assert said("healing.attempts") == (
        Said("appconfig", 1, 1),
        Said("parameter_store", 2, 1),
        Said("file", 5, LINE),
        Said("environment", 4, 1),
        Said("defaults", 3),
    )
    assert said("healing.approval_for")[0].source == "environment"
    assert said("healing.min_affected") == (Said("defaults", 2),)


def test_a_mistake_is_told_with_the_source_that_it_stands_in(world: World) -> None:
    """Whoever changed the parameter need not search the file."""
    parameter("healing:\n  attempts: many")
    answer = look(world)
    assert (answer["adopted"], answer["code"]) == (False, "policy.invalid")
    assert answer["reason"].startswith("parameter_store, line 2, column 13: healing.attempts: ")


def test_sources_that_are_sound_alone_may_contradict_each_other(world: World) -> None:
    """What is in force is judged as a whole: the file's timeout is too short for the parameter's wish."""
    parameter("{healing: {settle_seconds: 15}}")
    answer = look(world)
    assert answer["adopted"] is False
    assert "parameter_store, line 1, column 28: healing.settle_seconds: settle_seconds 15" in answer["reason"]


def test_a_source_that_vanishes_loosens_nothing(world: World) -> None:
    """The parameter held everything to one attempt; deleting it is refused and told once."""
    parameter("{healing: {attempts: 1}}")
    look(world)
    session.client("ssm").delete_parameter(Name="/nightshift/policy")
    for _ in range(2):
        answer = look(world)
        assert (answer["adopted"], answer["code"]) == (False, "policy.source_gone")
        assert "parameter_store" in answer["reason"]
    assert in_force()[1].healing.attempts == 1
    assert [one["adopted"] for one in world.events("PolicyChanged")] == [True, False]


def test_a_source_is_withdrawn_by_saying_nothing_first(world: World) -> None:
    """Then it may be taken away: somebody said so, and was told what it loosens."""
    parameter("{healing: {attempts: 1}}")
    look(world)
    parameter("{}")
    answer = look(world)
    assert "LOOSENED healing.attempts" in answer["reason"]
    session.client("ssm").delete_parameter(Name="/nightshift/policy")
    assert look(world)["adopted"] is True
    assert in_force()[1].healing.attempts == 5


@pytest.mark.parametrize("text", ["# nothing", "- attempts", "''", "null"])
def test_a_source_that_is_there_and_is_no_mapping_is_refused(world: World, text: str) -> None:
    """An emptied file is a mistake more often than a wish; the wish is written {}."""
    parameter(text)
    answer = look(world)
    assert (answer["adopted"], answer["code"]) == (False, "policy.invalid")
    assert "parameter_store, line 1, column 1: policy: a mapping is needed" in answer["reason"]


@pytest.mark.parametrize("call", ["ssm.GetParameter", "appconfigdata.GetLatestConfiguration", "s3.GetObject"])
def test_a_source_that_does_not_answer_is_not_one_that_says_nothing(world: World, call: str) -> None:
    """The look fails, is tried again, and ends in the dead-letter queue; nothing is adopted without it."""
    before = in_force()
    world.broken[call] = "InternalServerError"
    with pytest.raises(Exception, match="InternalServerError"):
        look(world)
    assert in_force() == before


def test_an_encrypted_parameter_is_refused(world: World) -> None:
    """A policy is no place for secrets, so there is nothing to decrypt."""
    parameter("{healing: {attempts: 1}}", Type="SecureString")
    assert look(world)["code"] == "policy.encrypted"


def test_what_appconfig_deploys_must_be_text(world: World) -> None:
    """Bytes are refused with a code."""
    world.configuration = b"\xff\xfe"
    assert look(world)["code"] == "policy.not_text"


def test_a_secret_is_refused_wherever_it_is_written_and_never_repeated(world: World) -> None:
    """The answer and the event name the place, not the value."""
    parameter("{notify: {webhooks: ['https://hooks.slack.com/services/T0/B0/abcdef']}}")
    answer = look(world)
    assert answer["code"] == "policy.secret"
    assert (
        "parameter_store, line 1, column 22: notify.webhooks.0: this looks like a Slack webhook"
        in (answer["reason"])
    )
    assert "abcdef" not in str(world.published) + str(answer)


def test_before_the_first_policy_a_stack_without_one_is_quiet(world: World) -> None:
    """Nothing is refused, since nobody has written anything."""
    session.client("dynamodb").delete_item(
        TableName=stack().ref("PoliciesTable"), Key={"policy_version": {"S": "current"}}
    )
    session.client("s3").delete_object(Bucket=stack().ref("ArtifactsBucket"), Key=stack().ref("PolicyKey"))
    answer = look(world)
    assert (answer["adopted"], answer["code"], answer["policy_version"]) == (False, "policy.none", "")
    assert world.published == []


def test_of_two_looks_at_once_the_later_reading_stays(world: World) -> None:
    """The one that read the older text loses, is tried again, and finds the newer one in force."""

    def another() -> None:
        parameter("{healing: {attempts: 1}}")
        look(world)

    world.meanwhile["auto-scaling.DescribeAutoScalingGroups"] = another
    write(POLICY.replace("attempts: 5", "attempts: 7"))
    with pytest.raises(Conflict):
        look(world)
    assert in_force()[1].healing.attempts == 1
    assert look(world)["reason"] == "it is in force already"


def test_newer_code_adopts_the_same_texts_anew(world: World) -> None:
    """Its defaults may differ, and they are part of what is in force."""
    before, _ = in_force()
    with patch("nightshift.policy_schema.exported", return_value="another schema"):
        answer = look(world)
    assert answer["adopted"] is True
    assert answer["reason"] == f"replaces {before}: nothing that is in force changes"


def test_a_policy_that_newer_code_cannot_read_is_replaced_all_the_same(world: World) -> None:
    """Otherwise a field that went would hold up every later policy."""
    version, _ = in_force()
    key = {"policy_version": {"S": version}}
    table = stack().ref("PoliciesTable")
    item = session.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    item["document"] = {"S": '{"version": 1, "gone": true}'}
    session.client("dynamodb").put_item(TableName=table, Item=item)
    write(POLICY.replace("attempts: 5", "attempts: 4"))
    assert look(world)["reason"] == f"replaces {version}: what was in force cannot be read any more"


def test_the_priorities_are_as_promised() -> None:
    """Remote before the file, the file before the environment."""
    assert sources.names() == ("appconfig", "parameter_store", "file", "environment")
