"""What nightshift config says of the policy in force: what it is, whence it comes, what would change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightshift import policy, remedies
from tests.functional.staging import POLICY, made
from tests.functional.test_adopt_policy import write
from tests.functional.test_cli_deployments import Here
from tests.functional.test_cli_json import Whole
from tests.functional.test_policy_sources import look, parameter
from tests.functional.world import World
from tests.stack import stack
from tools.cli import app, connection

HOOK = "https://pager.example/team/very-hidden"
GROUP = "web-prod: { app: web, service: web, auto_scaling_group: web-prod"


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world that the command speaks to, with two sources and a channel."""
    monkeypatch.setattr(connection, "Connection", Here)
    with made(f"{POLICY}notify: {{ webhooks: ['{HOOK}'] }}\n") as fresh:
        parameter("healing:\n  attempts: 2")
        look(fresh)
        yield fresh


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What ``nightshift config`` prints."""
    capsys.readouterr()
    assert app.main(["config", *arguments]) == code
    return capsys.readouterr().out


def test_show_prints_a_policy_that_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """YAML, whole, sound; sources and version stand in a comment, addresses are not given away."""
    out = said(capsys, "show")
    first = out.splitlines()[0]
    assert first.startswith("# version ")
    assert first.endswith("from parameter_store, file")
    assert "very-hidden" not in out
    shown = yaml.safe_load(out)
    assert shown["healing"]["attempts"] == 2
    shown["notify"]["webhooks"] = []
    assert policy.read(yaml.safe_dump(shown), remedies.names()).healing.attempts == 2


def test_show_says_what_was_refused(capsys: pytest.CaptureFixture[str], world: World) -> None:
    """Also to whoever missed the page."""
    parameter("healing:\n  attempts: many")
    look(world)
    assert "# REFUSED since 2026-11-23T03:00:15.000Z" in said(capsys, "show")
    found: dict[str, Any] = json.loads(said(capsys, "show", "--json"))
    assert found["refused"]["code"] == "policy.invalid"
    assert found["policy"]["healing"]["attempts"] == 2


def test_status_says_so_too(
    capsys: pytest.CaptureFixture[str], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one glance, with where to read more."""
    monkeypatch.setattr(connection, "Connection", Whole)
    parameter("healing:\n  attempts: many")
    look(world)
    app.main(["--region", "us-east-1", "status"])
    told = capsys.readouterr().out
    assert "REFUSED a policy at 2026-11-23T03:00:15.000Z: policy.invalid; see nightshift config show" in told


def test_explain_says_who_won_and_what_the_others_say(capsys: pytest.CaptureFixture[str]) -> None:
    """With the line of each, and what the value is for."""
    line = POLICY[: POLICY.index("attempts: 5")].count("\n") + 1
    assert said(capsys, "explain", "healing.attempts").splitlines() == [
        "healing.attempts: 2",
        "  Remedies on one node within the window; more is refused and paged",
        "  parameter_store, line 2: 2  <- in force",
        f"  file, line {line}: 5",
        "  defaults: 3",
    ]
    (found,) = json.loads(said(capsys, "explain", "healing.attempts", "--json"))
    assert (found["value"], found["source"]) == (2, "parameter_store")
    assert [one["source"] for one in found["said"]] == ["parameter_store", "file", "defaults"]


def test_explain_of_a_section_lists_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its winner."""
    lines = said(capsys, "explain", "healing.storm").splitlines()
    assert lines[:3] == [
        "healing.storm.cooldown_seconds: 20 seconds  (file)",
        "healing.storm.gather_seconds: 0 seconds  (file)",
        "healing.storm.max_unhealthy: 50%  (defaults)",
    ]


def test_a_groups_limit_falls_back_on_the_policys(capsys: pytest.CaptureFixture[str], world: World) -> None:
    """What the group says for itself comes first."""
    assert "  parameter_store, line 2: 2  <- in force" in said(
        capsys, "explain", "groups.web-prod.healing.attempts"
    )
    write(POLICY.replace(GROUP, f"{GROUP}, healing: {{ attempts: 1 }}"))
    look(world)
    lines = said(capsys, "explain", "groups.web-prod.healing.attempts").splitlines()
    assert lines[0] == "groups.web-prod.healing.attempts: 1"
    assert lines[2].endswith("<- in force")
    assert "  parameter_store, line 2: 2" in lines


def test_explain_gives_no_address_away(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither to a person nor to a program."""
    for arguments in (("notify.webhooks",), ("notify.webhooks", "--json")):
        out = said(capsys, "explain", *arguments)
        assert "https://pager.example/…" in out
        assert "very-hidden" not in out


def test_a_key_that_is_not_there_is_guessed_at(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the pen finds its way."""
    assert app.main(["config", "explain", "healing.atempts"]) == 1
    told = capsys.readouterr().err
    assert "the policy in force has no healing.atempts" in told
    assert "is it healing.attempts" in told


def test_diff_compares_with_what_is_in_force(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The merged one; exit 1, since a limit is loosened."""
    file = tmp_path / "other.yaml"
    file.write_text(POLICY)
    out = said(capsys, "diff", str(file), code=1)
    assert "LOOSENED healing.attempts: a node may be given 5 remedies within 1 hour instead of 2" in out
    assert "notify.webhooks: none instead of https://pager.example/…" in out
    assert out.endswith("2 changes, 1 of them loosens a limit\n")
    found = json.loads(said(capsys, "diff", str(file), "--json", code=1))
    assert [(one["path"], one["loosens"]) for one in found] == [
        ("healing.attempts", True),
        ("notify.webhooks", False),
    ]
    assert "very-hidden" not in json.dumps(found)


def test_diff_of_what_is_in_force_changes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, world: World
) -> None:
    """Exit 0."""
    file = tmp_path / "same.yaml"
    file.write_text(POLICY)
    write(POLICY)
    parameter("{}")
    look(world)
    assert said(capsys, "diff", str(file)) == "nothing changes\n"


def test_a_policy_without_origins_says_how_to_get_them(capsys: pytest.CaptureFixture[str]) -> None:
    """One that an older stack adopted."""
    from nightshift.aws import session

    table, key = stack().ref("PoliciesTable"), {"policy_version": {"S": "current"}}
    version = session.client("dynamodb").get_item(TableName=table, Key=key)["Item"]["points_to"]
    session.client("dynamodb").update_item(
        TableName=table, Key={"policy_version": version}, UpdateExpression="REMOVE provenance"
    )
    assert app.main(["config", "explain", "healing.attempts"]) == 1
    assert "let it be adopted again" in capsys.readouterr().err
