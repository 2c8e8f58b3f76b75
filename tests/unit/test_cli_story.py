"""How the nightshift command words things for a person."""

from datetime import UTC, datetime

import pytest

from nightshift.fleet import Node
from nightshift.incident import Heard, Incident
from nightshift.journal import GENESIS, Note, link, verify
from tools.cli import screen, story

OPENED = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (4.23, "4.2 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7_800, "2 h 10 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_have_at_most_two_units(seconds, said):
    """A duration is said the way a person would."""
    assert screen.duration(seconds) == said


def test_instants_become_seconds_from_the_opening():
    """Every instant in a reason is told relative to the incident's start, before it as well."""
    reason = "gone since 2026-11-23T03:00:04.250Z; was 0 at 2026-11-23T02:59:58.000Z"
    assert screen.relative(reason, OPENED) == "gone since +4.2 s; was 0 at -2.0 s"


def _incident(head: str) -> Incident:
    at = "2026-11-23T03:00:00.000Z"
    heard = Heard(alarm="nightshift-service_down-i-1", held_since=at, raised_at=at)
    return Incident(
        incident_id="inc-1",
        subject="i-1",
        node_id="i-1",
        group="web-prod",
        symptom="service_down",
        symptoms={"service_down": heard},
        state="healed",
        opened_at=at,
        closed_at="2026-11-23T03:00:06.500Z",
        head=head,
    )


def _chain(*notes: Note):
    entries, previous = [], GENESIS
    for seq, note in enumerate(notes, start=1):
        entries.append(link("inc-1", seq, previous, OPENED.replace(second=seq - 1), note))
        previous = entries[-1].hash
    return entries


NOTES = (
    Note("opened", "open_incident", "opened", "[bold] alarm: ServiceUp below 1"),
    Note(
        "admission",
        "admit_incident",
        "wait",
        "paused by ann: release party",
        {"guard": "pause", "until": "2026-11-23T03:00:11.000Z"},
    ),
    Note("admission", "admit_incident", "allow", "level 1, restart_service: ServiceUp was 0"),
    Note("intent", "apply_remedy", "act", "level 1: restart_service on web-prod-1", {"fence": 3}),
    Note(
        "result",
        "resume_step",
        "succeeded",
        "restarted",
        {"output": "\n".join(f"line {n}" for n in range(9))},
    ),
    Note("verification", "verify_health", "healthy", "gone since 2026-11-23T03:00:03.000Z"),
    Note("closed", "close_incident", "healed", "gone"),
)


def _told(capsys, entries, *, full=False):
    incident = _incident(entries[-1].hash)
    node = Node(
        node_id="i-1",
        name="web-prod-1",
        app="web",
        group="web-prod",
        auto_scaling_group="web-prod",
        registered_at="2026-11-01T00:00:00.000Z",
    )
    story.tell(incident, node, entries, verify("inc-1", entries, incident.head), full=full)
    return " ".join(capsys.readouterr().out.split())


def test_the_story_tells_every_entry_in_order(capsys):
    """Who reads it learns what happened, when from the start, and why it waited."""
    told = _told(capsys, _chain(*NOTES))
    parts = [
        "service_down on web-prod-1 (i-1), web-prod",
        "healed after 6.5 s; opened 2026-11-23 03:00:00 UTC",
        "+0.0 s opened [bold] alarm: ServiceUp below 1",
        "+1.0 s waits paused by ann: release party",
        "guard: pause, asks again at +11.0 s",
        "+2.0 s allowed level 1, restart_service: ServiceUp was 0",
        "+3.0 s acts level 1: restart_service on web-prod-1",
        "+4.0 s done restarted",
        "3 lines more: --full | line 3",
        "+5.0 s verified gone since +3.0 s",
        "+6.0 s healed gone",
        "journal: 7 entries, the chain is intact",
    ]
    places = [told.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_the_full_story_holds_every_input(capsys):
    """With --full nothing that was weighed is left out."""
    told = _told(capsys, _chain(*NOTES), full=True)
    assert "fence: 3" in told
    assert "line 0" in told


def test_a_refusal_shows_the_numbers_that_were_compared(capsys):
    """Guard, reason, samples, beginning, attempts and their limit, and who holds the lease."""
    inputs = {
        "guard": "attempts",
        "held_since": {"service_down": "2026-11-23T02:59:58.000Z"},
        "newest_samples": {"service_down": ["2026-11-23T03:00:01.000Z 0"]},
        "attempts": 5,
        "leases": {"i-2": "inc-2 until 2026-11-23T03:10:00.000Z"},
        "limits": {"attempts": 5},
    }
    told = _told(
        capsys, _chain(NOTES[0], Note("admission", "admit_incident", "refuse", "5 remedies", inputs))
    )
    for part in (
        "refused 5 remedies",
        "guard: attempts",
        "held since: service_down -2.0 s",
        "newest samples: service_down +1.0 s 0",
        "attempts on the node: 5",
        "leases: i-2 inc-2 until +600.0 s",
        "limits: attempts 5",
    ):
        assert part in told, part


def test_a_word_for_an_entry_nobody_foresaw(capsys):
    """An entry of a kind that this version does not know is told by its own words."""
    assert "weather: stormy it rains" in _told(
        capsys, _chain(NOTES[0], Note("weather", "sky", "stormy", "it rains"))
    )


def test_a_broken_chain_is_said_loudly(capsys):
    """A changed entry shows at the end of the story."""
    entries = _chain(*NOTES)
    del entries[2]
    assert "journal: BROKEN at entry 3" in _told(capsys, entries)
