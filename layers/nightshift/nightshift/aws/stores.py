"""The stack's tables and bus, by the names that a function was told; each is made where it is asked for."""

from __future__ import annotations

from typing import Self

from nightshift.aws.approvals import Approvals
from nightshift.aws.bus import Bus
from nightshift.aws.deliveries import Deliveries
from nightshift.aws.deployments import Deployments
from nightshift.aws.diagnostics import Diagnostics
from nightshift.aws.fleet_commands import FleetCommands
from nightshift.aws.gates import Gates
from nightshift.aws.groups import Groups
from nightshift.aws.incidents import Incidents
from nightshift.aws.inspections import Inspections
from nightshift.aws.intents import Intents
from nightshift.aws.journals import Journals
from nightshift.aws.line import Outside
from nightshift.aws.nodes import Nodes
from nightshift.aws.outbox import Outbox
from nightshift.aws.outcomes import Outcomes
from nightshift.aws.pager import Pager
from nightshift.aws.policies import Policies
from nightshift.aws.releases import Releases
from nightshift.aws.steps import Steps
from nightshift.aws.turns import Turns
from nightshift.aws.weather import Weather
from nightshift.deployment import Deployment
from nightshift.errors import Permanent
from nightshift.incident import Incident
from nightshift.settings import Settings


class Stores:
    """What a function's settings name; asking for more raises Permanent ``settings.missing``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @classmethod
    def of(cls, settings: type[Settings]) -> Self:
        """The stores that a function's own settings name."""
        return cls(settings.current())

    @property
    def incidents(self) -> Incidents:
        """The incidents, with the journal that explains them."""
        return Incidents(self._named("incidents_table"), self._journals)

    @property
    def nodes(self) -> Nodes:
        """The inventory."""
        return Nodes(self._named("nodes_table"))

    @property
    def groups(self) -> Groups:
        """The groups, their leases and the pause."""
        return Groups(self._named("groups_table"))

    @property
    def deployments(self) -> Deployments:
        """The deployments, with the journal that explains them."""
        return Deployments(self._named("deployments_table"), self._journals)

    @property
    def commands(self) -> FleetCommands:
        """The commands on many nodes, with the journal that explains them."""
        return FleetCommands(self._named("commands_table"), Journals(self._named("journal_table")))

    @property
    def releases(self) -> Releases:
        """Every built release."""
        return Releases(self._named("releases_table"))

    @property
    def gates(self) -> Gates:
        """What outside checks said of commits."""
        return Gates(self._named("gates_table"))

    @property
    def turns(self) -> Turns:
        """Which deployment may touch a group."""
        return Turns(self._named("groups_table"))

    @property
    def inspections(self) -> Inspections:
        """The passes over the fleet, and what stands about its nodes."""
        return Inspections(self._named("inspections_table"))

    @property
    def steps(self) -> Steps:
        """The steps."""
        return Steps(self._named("steps_table"))

    @property
    def policies(self) -> Policies:
        """The policy in force."""
        return Policies(self._named("policies_table"))

    @property
    def deliveries(self) -> Deliveries:
        """The deliveries of pages."""
        return Deliveries(self._named("deliveries_table"))

    @property
    def bus(self) -> Bus:
        """Nightshift's own bus."""
        return Bus(self._named("bus_name"))

    @property
    def pager(self) -> Pager:
        """What pages a person."""
        outside = Outside(self._named("pages_topic_arn"), loopback=self._named("local_channels") == "true")
        return Pager(self.outbox, self.policies, outside, self._named("notify_secrets"))

    @property
    def outbox(self) -> Outbox:
        """The pages on their way."""
        return Outbox(self._named("deliveries_table"))

    @property
    def approvals(self) -> Approvals[Incident]:
        """The questions of incidents that wait for a person."""
        return Approvals(self.incidents, self.steps)

    @property
    def release_approvals(self) -> Approvals[Deployment]:
        """The questions of deployments that wait for a person."""
        return Approvals(self.deployments, self.steps)

    @property
    def intents(self) -> Intents:
        """What records an intent before its effect."""
        return Intents(self.incidents, self.nodes, self.groups, self.steps, self.policies)

    @property
    def weather(self) -> Weather:
        """What writes down a group's storm, and tells it."""
        return Weather(self.groups, self.incidents, self.bus)

    def outcomes(self, actor: str) -> Outcomes:
        """What concludes a step, on behalf of the function ``actor``."""
        return Outcomes(self.incidents, self.nodes, self.steps, self.bus, self.diagnostics(actor), actor)

    def diagnostics(self, actor: str) -> Diagnostics:
        """What saves diagnostics; a function without the bucket (replace_node) has no output to save."""
        bucket = getattr(self._settings, "artifacts_bucket", "")
        return Diagnostics(self.incidents, self.steps, bucket, actor)

    @property
    def _journals(self) -> Journals:
        return Journals(self._named("journal_table"), getattr(self._settings, "artifacts_bucket", ""))

    def _named(self, setting: str) -> str:
        value = getattr(self._settings, setting, None)
        if value is None:
            raise Permanent(
                "settings.missing", f"{type(self._settings).__module__} was not told its {setting}"
            )
        return str(value)
