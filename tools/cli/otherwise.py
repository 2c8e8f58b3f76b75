"""What was decided, had another policy been in force: the same facts, with the policy's part exchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nightshift import clock
from nightshift.decisions import maintenance
from nightshift.decisions.recorded import Asked, Planning
from nightshift.decisions.rollout import Progress
from nightshift.decisions.situation import Situation
from nightshift.decisions.verification import Aftermath
from nightshift.policy import Policy
from nightshift.policy_symptoms import Symptom

_WINDOW = "maintenance until "


class Unknown(Exception):
    """The recorded facts do not say what another policy would have looked at; the message says what."""


@dataclass(frozen=True)
class About:
    """What a chain is about: the names under which a policy knows it, and when it began."""

    group: str
    app: str
    began: datetime


def under(policy: Policy, name: str, given: Any, about: About) -> Any:
    """What the decision ``name`` would have been given; raises Unknown. What no policy touches stays."""
    exchange = EXCHANGES.get(name)
    return exchange(policy, given, about) if exchange else given


def _admission(policy: Policy, given: Situation, about: About) -> Situation:
    return replace(
        given,
        symptoms=_symptoms(policy, given.incident.symptoms, given.symptoms),
        healing=policy.healing_of(about.group),
        maintenance=policy.maintenance,
    )


def _verification(policy: Policy, given: Aftermath, about: About) -> Aftermath:
    symptoms = _symptoms(policy, given.symptoms, given.symptoms)
    return replace(given, symptoms=symptoms, healing=policy.healing_of(about.group))


def _symptoms(
    policy: Policy, names: Mapping[str, object], before: Mapping[str, Symptom]
) -> dict[str, Symptom]:
    found = policy.symptoms_of(names)
    for name, symptom in found.items():
        if name not in before or before[name].metric != symptom.metric:
            raise Unknown(f"{name} is read from another metric there, whose samples were not recorded")
    return found


def _rollout(policy: Policy, given: Progress, about: About) -> Progress:
    paused = given.paused
    if not paused or paused.startswith(_WINDOW):
        window = maintenance.active(policy.maintenance, about.group, given.now)
        paused = maintenance.words(*window) if window else ""
    return replace(given, strategy=_app(policy, about).strategy, paused=paused)


def _plan(policy: Policy, given: Planning, about: About) -> Planning:
    return replace(given, strategy=_app(policy, about).strategy)


def _gates(policy: Policy, given: Asked, about: About) -> Asked:
    """What was good before was asked about no gate, and is not under another policy either."""
    app = _app(policy, about)
    ends = about.began + clock.seconds(app.strategy.deadline_seconds)
    until = min(given.now + clock.seconds(app.approval_seconds), ends)
    return replace(
        given,
        wanted=app.gates if given.wanted else (),
        consent=replace(given.consent, until=until),
        deadline=about.began + clock.seconds(app.gates_seconds),
    )


def _app(policy: Policy, about: About) -> Any:
    if about.app not in policy.apps:
        raise Unknown(f"it deploys no app {about.app or '(not recorded)'}")
    return policy.apps[about.app]


EXCHANGES: dict[str, Callable[[Policy, Any, About], Any]] = {
    "admission": _admission,
    "verification": _verification,
    "rollout": _rollout,
    "plan": _plan,
    "gates": _gates,
}
