"""Runs all linters side by side, prints what each has to say, and fails if one does."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.lint.state_machines import DefinitionBroken, dangling, disagreements, wrap

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
DEPLOYED = ("layers", "functions")
#: cfn-lint's exit codes are bits: 2 errors, 4 warnings, 8 informational; all of them count here.
Outcome = tuple[bool, str]


def _run(*command: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def ruff() -> Outcome:
    """Style and likely mistakes."""
    return _run("ruff", "check", "--quiet", ".")


def formatting() -> Outcome:
    """One layout for all code (make format)."""
    return _run("ruff", "format", "--check", "--quiet", ".")


def mypy() -> Outcome:
    """Types, strictly."""
    packages = sorted((ROOT / "layers").glob("*/*/__init__.py"))
    targets = [str(package.parent.relative_to(ROOT)) for package in packages]
    handlers = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("functions/*/app.py"))]
    return _run("mypy", "--strict", *targets, *handlers, "tools")


def template() -> Outcome:
    """CloudFormation, with the serverless rules: dead-letter queues, retention, throttling."""
    return _cfn_lint(TEMPLATE, "-a", "cfn_lint_serverless.rules")


def state_machines() -> Outcome:
    """The states language, which no linter reads behind a DefinitionUri."""
    problems: list[str] = []
    for definition in sorted(ROOT.glob("statemachines/*.asl.json")):
        name = str(definition.relative_to(ROOT))
        with tempfile.TemporaryDirectory() as folder:
            wrapped = Path(folder) / "wrapped.json"
            try:
                wrapped.write_text(json.dumps(wrap(definition), indent=1))
            except DefinitionBroken as error:
                problems.append(str(error))
                continue
            problems += disagreements(definition, TEMPLATE) + dangling(definition)
            passed, output = _cfn_lint(wrapped)
            if not passed:
                problems.append(f"{name}:\n{output.replace(str(wrapped), 'wrapped')}")
    return not problems, "\n".join(problems)


def bandit() -> Outcome:
    """Known unsafe calls, in what is deployed."""
    return _bandit(*DEPLOYED)


def bandit_tools() -> Outcome:
    """Known unsafe calls, in what only ever speaks to 127.0.0.1 with the credentials test/test."""
    return _bandit("tools", "--skip", f"{_bandit_skips()},B105,B106,B310,B311")


def _bandit(*arguments: str) -> Outcome:
    return _run("bandit", "--configfile", "pyproject.toml", "--quiet", "--recursive", *arguments)


def _bandit_skips() -> str:
    # --skip replaces the configuration's own list instead of adding to it.
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return ",".join(configuration["tool"]["bandit"]["skips"])


def _cfn_lint(path: Path, *options: str) -> Outcome:
    # Its own program, because `python -m cfnlint` names itself __main__ in messages.
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    command = [str(cfn_lint), *options, "--regions", "us-east-1", "--", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def _timed(step: Callable[[], Outcome]) -> tuple[Outcome, float]:
    started = time.monotonic()
    return step(), time.monotonic() - started


def main() -> int:
    """0 when every linter is content, 1 otherwise."""
    steps = [ruff, formatting, mypy, template, state_machines, bandit, bandit_tools]
    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=3) as pool:
        for step, ((passed, output), seconds) in zip(steps, pool.map(_timed, steps), strict=True):
            name = step.__name__.replace("_", " ")
            print(f"{'ok    ' if passed else 'FAILED'} {name:15} {seconds:5.1f} s", flush=True)
            if not passed:
                failed.append(name)
                print(output, flush=True)
    if failed:
        print(f"lint: {', '.join(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
