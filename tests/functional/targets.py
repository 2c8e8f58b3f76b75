"""A target group as a fake: its targets drain and become healthy between two looks, as real ones do later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/73e2d6bc24d8a067"
RULE = ARN.partition("targetgroup")[0] + "listener-rule/app/web/50dc6c495c0c9188/f2f7dc8e/9683b2d0"
BLUE, GREEN = ARN.replace("/web/", "/blue/"), ARN.replace("/web/", "/green/")


@dataclass
class Targets:
    """The state of each target; ``broken`` never become healthy, ``busy`` never
    have answered their last request. ``told`` is what was asked, in order; ``actions`` are the rule's."""

    states: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)

    def forward(self, *target_groups: str) -> None:
        """The rule forwards to these, as the service shows it."""
        groups = [{"TargetGroupArn": one, "Weight": 1} for one in target_groups]
        single = {"TargetGroupArn": target_groups[0]} if len(target_groups) == 1 else {}
        self.actions = [{"Type": "forward", **single, "ForwardConfig": {"TargetGroups": groups}}]

    def rules(self, request: dict[str, Any]) -> dict[str, Any]:
        """The one rule."""
        found = [{"RuleArn": RULE, "Actions": self.actions}] if request["RuleArns"] == [RULE] else []
        return {"Rules": found}

    def modify(self, request: dict[str, Any]) -> dict[str, Any]:
        """It forwards elsewhere from now on."""
        (action,) = request["Actions"]
        assert (request["RuleArn"], action["Type"]) == (RULE, "forward")
        self.forward(action["TargetGroupArn"])
        self.told.append(("switch", action["TargetGroupArn"]))
        return {"Rules": []}

    def deregister(self, request: dict[str, Any]) -> dict[str, Any]:
        """A target that serves begins to drain."""
        for node in _ids(request):
            if self.states.get(node, "healthy") in {"healthy", "initial"}:
                self.states[node] = "draining"
                self.told.append(("leaves", node))
        return {}

    def register(self, request: dict[str, Any]) -> dict[str, Any]:
        """A target that is not there begins to be checked."""
        for node in _ids(request):
            if self.states.get(node, "unused") in {"unused", "draining"}:
                self.states[node] = "initial"
                self.told.append(("joins", node))
        return {}

    def health(self, request: dict[str, Any]) -> dict[str, Any]:
        """How each is; the next look finds it further."""
        found = []
        for node in _ids(request):
            state = self.states.get(node, "unused")
            found.append({"Target": {"Id": node}, "TargetHealth": {"State": state}})
            drained = "draining" if node in self.busy else "unused"
            further = {"draining": drained, "initial": "initial" if node in self.broken else "healthy"}
            self.states[node] = further.get(state, state)
        return {"TargetHealthDescriptions": found}


def _ids(request: dict[str, Any]) -> list[str]:
    return [one["Id"] for one in request["Targets"]]
