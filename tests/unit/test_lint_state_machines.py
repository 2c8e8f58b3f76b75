"""The lint of state machines catches what hides behind a DefinitionUri."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint.state_machines import DefinitionBroken, dangling, disagreements, wrap

SOUND = {
    "QueryLanguage": "JSONata",
    "StartAt": "Ask",
    "States": {"Ask": {"Type": "Task", "Resource": "${AskArn}", "End": True}},
}
TEMPLATE = """
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: ask.asl.json
      DefinitionSubstitutions:
        AskArn: !GetAtt Ask.Arn
        {more}
"""


def _written(folder, states):
    path = folder / "ask.asl.json"
    path.write_text(json.dumps(states))
    return path


def _cfn_lint(folder, template):
    wrapped = folder / "wrapped.json"
    wrapped.write_text(json.dumps(template))
    program = Path(sys.executable).with_name("cfn-lint")
    return subprocess.run([program, str(wrapped)], capture_output=True, text=True, check=False)


def test_a_sound_machine_passes(tmp_path):
    """A JSONata machine with substitutions is valid once they are filled."""
    done = _cfn_lint(tmp_path, wrap(_written(tmp_path, SOUND)))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "broken",
    [
        {**SOUND, "StartAt": "Nowhere"},
        {**SOUND, "States": {"Ask": {"Type": "Tusk", "End": True}}},
        {**SOUND, "States": {"Ask": {"Type": "Task", "End": True}}},
    ],
)
def test_a_broken_machine_is_caught(tmp_path, broken):
    """An unknown state, type or a missing resource fails, as deploying it would."""
    assert _cfn_lint(tmp_path, wrap(_written(tmp_path, broken))).returncode != 0


def test_dangling_transitions_are_caught(tmp_path):
    """A transition to nowhere, also out of a catch or an inner machine, and a state nobody reaches."""
    inner = {"StartAt": "Deep", "States": {"Deep": {"Type": "Pass", "Next": "Deeper"}}}
    states = {
        "Ask": {"Type": "Task", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Gone"}], "Next": "Choose"},
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% true %}", "Next": "Each"}],
            "Default": "Ask",
        },
        "Each": {"Type": "Map", "ItemProcessor": inner, "End": True},
        "Island": {"Type": "Succeed"},
    }
    path = _written(tmp_path, {**SOUND, "States": states})
    assert dangling(path) == [
        f"{path}: Ask goes to Gone, which does not exist",
        f"{path}: Deep goes to Deeper, which does not exist",
        f"{path}: no transition reaches Island",
    ]
    assert dangling(_written(tmp_path, SOUND)) == []


def test_text_that_is_no_json_is_named(tmp_path):
    """The file and the place are in the message."""
    path = tmp_path / "ask.asl.json"
    path.write_text("{")
    with pytest.raises(DefinitionBroken, match=r"ask\.asl\.json: not JSON"):
        wrap(path)


def test_names_agree_with_the_template(tmp_path):
    """A substitution that one side lacks is said, and a machine that nobody deploys as well."""
    path, template = _written(tmp_path, SOUND), tmp_path / "template.yaml"
    template.write_text(TEMPLATE.format(more=""))
    assert disagreements(path, template) == []
    template.write_text(TEMPLATE.format(more="Idle: nobody"))
    assert disagreements(path, template) == [f"{path}: Idle is given in {template}, not used"]
    template.write_text(TEMPLATE.replace("AskArn", "Other").format(more=""))
    assert any("${AskArn} is not given" in each for each in disagreements(path, template))
    template.write_text(TEMPLATE.replace("ask.asl.json", "other.asl.json").format(more=""))
    assert disagreements(path, template) == [f"{path}: no resource in {template} has it as DefinitionUri"]
