"""Another policy over recorded incidents: no difference by the same one, and the first by another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.functional.deploying import commit, good, policy, push, repository, walk
from tests.functional.lives import EVERY, exported, healed, in_vain, sustained
from tests.functional.staging import POLICY, made
from tests.functional.world import World
from tools.cli import app

Capture = pytest.CaptureFixture[str]


def what_if(folder: Path, text: str, capsys: Capture, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of ``nightshift what-if`` with a policy of ``text``."""
    other = folder / "other.yaml"
    other.write_text(text)
    capsys.readouterr()
    ended = app.main(["what-if", str(other), "--file", str(exported(folder)), "--json", *options])
    return ended, json.loads(capsys.readouterr().out)


def changed(before: str, after: str) -> str:
    """The world's policy with one place changed."""
    assert before in POLICY
    return POLICY.replace(before, after)


@pytest.mark.parametrize("life", EVERY)
def test_the_same_policy_makes_no_difference(
    world: World, life: Callable[[World], None], tmp_path: Path, capsys: Capture
) -> None:
    """Whatever happened: the same policy would have done the same, and exits 0."""
    life(world)
    ended, found = what_if(tmp_path, POLICY, capsys)
    assert (ended, found["different"], found["unknown"]) == (0, [], [])
    assert found["decisions"] >= 2
    assert found["totals"] == {"actions": 0, "pages": 0, "seconds": 0}


def test_the_same_policy_deploys_the_same(tmp_path: Path, capsys: Capture) -> None:
    """Also for a deployment that is taken back; another bake time is another time to look."""
    folder = repository(tmp_path / "git")
    with made(policy(folder)) as world:
        good(world)
        walk(world, push(world, folder, commit(folder, "page", "better")))
        world.endings["InstallRelease"] = ("Failed", "the hook failed")
        failed = walk(world, push(world, folder, commit(folder, "page", "worse")))
        del world.endings["InstallRelease"]
        walk(world, failed.undone_by)
        ended, found = what_if(tmp_path, policy(folder), capsys)
        assert (ended, found["different"], found["unknown"]) == (0, [], [])
        other = policy(folder).replace("bake_seconds: 5", "bake_seconds: 9")
        ended, found = what_if(tmp_path, other, capsys)
        assert ended == 1
        (one,) = found["different"]
        assert one["before"].startswith("bake until")
        other = policy(folder).replace("  web:\n    repository", "  api:\n    repository")
        _, found = what_if(tmp_path, other, capsys)
        assert {reason for _, reason in found["unknown"]} == {"it deploys no app web"}


def test_a_longer_duration_acts_later_and_that_is_all_that_is_known(
    world: World, tmp_path: Path, capsys: Capture
) -> None:
    """It would have waited where it acted; whether it would have acted at all nobody knows."""
    sustained(world)
    ended, found = what_if(tmp_path, changed("for_seconds: 15", "for_seconds: 40"), capsys)
    assert ended == 1
    (one,) = found["different"]
    assert one["before"].startswith("wait until")
    assert (one["acts"], one["pages"]) == (0, 0)
    assert found["totals"]["actions"] == 0


def test_a_shorter_duration_acts_earlier_by_the_recorded_samples(
    world: World, tmp_path: Path, capsys: Capture
) -> None:
    """Four fifths of the last 15 s were ill at one moment, of the last 8 s five seconds before it."""
    sustained(world)
    ended, found = what_if(tmp_path, changed("for_seconds: 15", "for_seconds: 8"), capsys)
    assert ended == 1
    (one,) = found["different"]
    assert one["seconds"] == -5
    assert not one["at_least"]
    assert found["totals"]["seconds"] == one["seconds"]


def test_a_shorter_settle_time_verifies_earlier(world: World, tmp_path: Path, capsys: Capture) -> None:
    """The actions are the same, and the incident ends earlier."""
    healed(world)
    _, found = what_if(tmp_path, changed("settle_seconds: 4", "settle_seconds: 2"), capsys)
    (one,) = [one for one in found["different"] if one["at"] == "its verification"]
    assert one["seconds"] == -2


def test_a_shorter_ladder_pages_earlier(world: World, tmp_path: Path, capsys: Capture) -> None:
    """Where it went to the second level, a person would have been asked, who was asked later anyway."""
    in_vain(world)
    text = changed("[restart_service, rebuild_container, replace_node]", "[restart_service]")
    ended, found = what_if(tmp_path, text, capsys, "--fail-on", "pages")
    assert ended == 0
    (one,) = found["different"]
    assert one["before"].startswith("allow rebuild_container")
    assert one["after"].startswith("refuse and page: nothing is left to try")
    assert (one["acts"], one["pages"]) == (-1, 0)


def test_a_policy_that_pages_more_fails_where_that_is_asked(
    world: World, tmp_path: Path, capsys: Capture
) -> None:
    """What the second level healed, a person would have been woken for."""
    world.cures.remove("RestartService")
    healed(world)
    text = changed("[restart_service, rebuild_container, replace_node]", "[restart_service]")
    ended, found = what_if(tmp_path, text, capsys, "--fail-on", "pages")
    assert (ended, found["totals"]["pages"]) == (1, 1)


def test_it_can_be_only_a_word_in_a_pull_request(world: World, tmp_path: Path, capsys: Capture) -> None:
    """Markdown, and exit 0 where nobody wants it to fail."""
    in_vain(world)
    other = tmp_path / "other.yaml"
    other.write_text(changed("[restart_service, rebuild_container, replace_node]", "[restart_service]"))
    file = str(exported(tmp_path))
    assert app.main(["what-if", str(other), "--file", file, "--markdown", "--fail-on", "never"]) == 0
    told = capsys.readouterr().out
    assert "| what | at | was | other | time |" in told
    assert "is not known" in told
    assert app.main(["what-if", str(other), "--file", file]) == 1
    assert "actions 3 -> 2, pages 1 -> 1, as far as is known" in capsys.readouterr().out


def test_only_what_began_since_then_is_compared(world: World, tmp_path: Path, capsys: Capture) -> None:
    """By day or instant; what is none is said to be none, instead of finding nothing."""
    healed(world)
    assert what_if(tmp_path, POLICY, capsys, "--since", "2026-11-23")[1]["compared"] == 1
    assert what_if(tmp_path, POLICY, capsys, "--since", "2026-11-24T03:00")[1]["compared"] == 0
    other, file = str(tmp_path / "other.yaml"), str(tmp_path / "export.jsonl")
    assert app.main(["what-if", other, "--file", file, "--since", "yesterday"]) == 1
    assert "'yesterday' is no day" in capsys.readouterr().err


def test_another_metric_is_not_compared(world: World, tmp_path: Path, capsys: Capture) -> None:
    """Its samples were never recorded: nothing is guessed."""
    healed(world)
    ended, found = what_if(tmp_path, changed("name: ServiceUp", "name: ServiceAlive"), capsys)
    assert (ended, found["different"]) == (0, [])
    assert "whose samples were not recorded" in found["unknown"][0][1]


def history(*changes: tuple[str, str, str], node: str = "i-0a1b2c3d4e5f60718") -> dict[str, Any]:
    """What CloudWatch exports: state, when, and since when the metric was beyond its threshold."""
    items = [
        {
            "AlarmName": f"nightshift-node-cpu_sustained-{node}",
            "AlarmType": "MetricAlarm",
            "Timestamp": f"2026-11-23T03:{when}.000000+00:00",
            "HistoryItemType": "StateUpdate",
            "HistorySummary": f"Alarm updated to {state}",
            "HistoryData": json.dumps(
                {
                    "version": "1.0",
                    "newState": {
                        "stateValue": state,
                        "stateReasonData": {"version": "1.0", "startDate": f"2026-11-23T03:{since}.000+0000"},
                    },
                }
            ),
        }
        for state, when, since in changes
    ]
    return {"AlarmHistoryItems": items[::-1]}


@pytest.fixture
def alarms(tmp_path: Path) -> Path:
    """A spike of 25 s, and an alarm that stands."""
    file = tmp_path / "history.json"
    spike = history(("ALARM", "10:10", "10:00"), ("OK", "10:25", "10:25"))
    stands = history(("ALARM", "20:10", "20:00"), node="i-0ffffffffffffffff")
    file.write_text(
        json.dumps({"AlarmHistoryItems": spike["AlarmHistoryItems"] + stands["AlarmHistoryItems"]})
    )
    return file


def over_alarms(folder: Path, file: Path, text: str, capsys: Capture) -> tuple[int, dict[str, Any]]:
    """What another policy would have done about a history of alarms."""
    (folder / "now.yaml").write_text(POLICY)
    (folder / "other.yaml").write_text(text)
    capsys.readouterr()
    options = ["--against", str(folder / "now.yaml"), "--group", "web-prod", "--json"]
    ended = app.main(["what-if", str(folder / "other.yaml"), "--alarm-history", str(file), *options])
    return ended, json.loads(capsys.readouterr().out)


def test_a_history_of_alarms_is_tried_too(tmp_path: Path, alarms: Path, capsys: Capture) -> None:
    """With 15 s both alarms are acted upon; with 30 s the spike is left alone and the other waits longer."""
    ended, found = over_alarms(tmp_path, alarms, POLICY, capsys)
    assert (ended, found["compared"], found["different"]) == (0, 2, [])
    assert found["recorded"]["actions"] == 2
    ended, found = over_alarms(tmp_path, alarms, changed("for_seconds: 15", "for_seconds: 30"), capsys)
    assert ended == 1
    spike, stands = found["different"]
    assert spike["before"].startswith("acts restart_service 2026-11-23T03:10:15.000Z")
    assert spike["after"].startswith("nothing: it went away by itself")
    assert stands["seconds"] == 15
    assert found["totals"] == {"actions": -1, "pages": 0, "seconds": 15}


@pytest.mark.parametrize("text", ["", "[]", '{"AlarmHistoryItems": [{}]}', '{"AlarmHistoryItems": [3]}'])
def test_what_is_no_alarm_history_is_refused(tmp_path: Path, text: str, capsys: Capture) -> None:
    """In one sentence, with what to do."""
    file = tmp_path / "wrong.json"
    file.write_text(text)
    (tmp_path / "now.yaml").write_text(POLICY)
    now = str(tmp_path / "now.yaml")
    assert app.main(["what-if", now, "--alarm-history", str(file), "--against", now]) == 1
    assert "is no alarm history" in capsys.readouterr().err
