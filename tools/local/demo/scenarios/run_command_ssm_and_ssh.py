"""One command on every node: six by their agents, two machines without one by SSH."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path

from nightshift import clock
from tools.cli.commands import commands, run
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World
from tools.local.fleet.plain import NAMES
from tools.local.paths import home


class RunCommandSsmAndSsh:
    """``nightshift run --all -- sh -c ...``: each node writes a word down where only it can."""

    name, title = "run_command_ssm_and_ssh", "nightshift run --all -- sh -c 'echo WORD > ~/ran; uname -s'"
    patience_seconds = 60.0

    def begin(self, world: World) -> None:
        """Order it, as the command line does."""
        self.word, self.at = uuid.uuid4().hex, clock.now()
        argv = ["sh", "-c", 'echo "$0" > ~/ran; uname -s', self.word]
        order = {"argv": argv, "selector": {"everything": True}, "why": "the demo wants it"}
        begun = run.begin(world.connection, order)
        self.command_id, self.nodes = str(begun["command_id"]), int(begun["nodes"])

    def judge(self, world: World) -> Result | None:
        """Certain when the command is over: what was answered, and what stands on the nodes."""
        store = commands.store(world.connection)
        ended = store.get(self.command_id)
        if not ended.is_over or not ended.closed_at:
            return None
        rows = store.rows(self.command_id)
        ways = Counter("ssh" if row.ssh else "ssm" for row in rows if row.status == "Success")
        folders = [Path(node["machine_dir"]) for node in world.nodes]
        folders += [home() / "plain" / name for name in NAMES]
        wrote = sum((folder / "ran").read_text().strip() == self.word for folder in folders)
        answers = len(commands.groups(rows))
        evidence = {
            "command": self.command_id,
            "by_ssm": ways["ssm"],
            "by_ssh": ways["ssh"],
            "wrote": wrote,
            "different_answers": answers,
            "state": ended.state,
        }
        whole = ways["ssm"] + ways["ssh"] == wrote == self.nodes
        passed = whole and ways["ssh"] == len(NAMES) and answers == 1
        seconds = (clock.parse(ended.closed_at) - self.at).total_seconds()
        return Result(self.name, passed, ended.state, 0, round(seconds, 1), evidence)
