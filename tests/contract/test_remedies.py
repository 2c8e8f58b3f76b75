"""Adding a remedy is adding one file: what else it needs, these tests ask for."""

from __future__ import annotations

import re

import pytest

from nightshift import policy, remedies
from nightshift.remedies import Target
from tests.functional.probing import PROBE
from tests.functional.run_command import documents
from tests.functional.running_fake import DOCUMENT as RUN
from tests.samples import ROOT
from tests.stack import stack, state_machine

NAMES = sorted(remedies.names())
SENT = [name for name in NAMES if remedies.load(name).DOCUMENT]
TARGET = Target(
    "i-0a1b2c3d4e5f60718",
    "web",
    "2026.11.23-1f0c2ab",
    "https://nightshift-artifacts.s3.us-east-1.amazonaws.com/releases/web/1.0.0.tar.gz"
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIA%2F20261123%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20261123T030000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
    "&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEJr%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEaCXVzLWVhc3QtMSJH"
    "&X-Amz-Signature=0f" + "ab" * 31,
    "ab" * 32,
)
#: What looks at the node, or runs what a person says, whatever service is there.
WITHOUT_SERVICE = {PROBE, RUN, "Nightshift-PushSamples"}
#: The one parameter that stands in a document's text: a limit in seconds, where AWS takes no variable.
DIGITS_ONLY = (RUN, "Seconds")
STEP = {"StepId": "inc-20261123-7c1d0b9a42-restart-service", "Fence": "7"}


def function_of(name: str) -> str:
    """The function that performs a remedy's state."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", remedies.load(name).STATE).lower()


@pytest.mark.parametrize("name", NAMES)
def test_a_remedys_state_is_in_the_machine(name: str) -> None:
    """And is performed by the function of that name."""
    assert remedies.load(name).STATE in state_machine()["States"]
    assert function_of(name) in stack().functions


@pytest.mark.parametrize("name", NAMES)
def test_what_a_remedy_needs_is_granted_to_its_function(name: str) -> None:
    """It declares its IAM actions; the function's policy has each of them."""
    granted = {action for action, _ in stack().functions[function_of(name)].grants()}
    assert set(remedies.load(name).PERMISSIONS) <= granted


@pytest.mark.parametrize("name", SENT)
def test_its_document_exists_and_may_be_sent(name: str) -> None:
    """In documents/, in the template, and in the function's policy by its own name."""
    document = remedies.load(name).DOCUMENT
    assert document in documents()
    arn = f"arn:aws:ssm:us-east-1:123456789012:document/{document}"
    assert stack().functions[function_of(name)].may("ssm:SendCommand", arn)


@pytest.mark.parametrize("name", SENT)
def test_its_parameters_are_the_documents(name: str) -> None:
    """Each is known, each without a default is given, and each value passes its pattern."""
    rules = documents()[remedies.load(name).DOCUMENT]["parameters"]
    given = {**remedies.load(name).parameters(TARGET), **STEP}
    assert set(given) <= set(rules)
    assert {key for key, rule in rules.items() if "default" not in rule} <= set(given)
    for key, value in given.items():
        assert re.search(rules[key].get("allowedPattern", ""), value), f"{key}={value}"
        assert value in rules[key].get("allowedValues", [value])


@pytest.mark.parametrize("document", sorted(documents()))
def test_every_parameter_of_a_document_is_typed_and_bounded(document: str) -> None:
    """Everything that ever runs on a node: a pattern or a list, passed as a variable, never pasted in."""
    content = documents()[document]
    assert content["schemaVersion"] == "2.2"
    for name, rules in content["parameters"].items():
        assert rules["type"] == "String"
        assert rules.get("interpolationType") == "ENV_VAR" or (document, name) == DIGITS_ONLY
        bounds = rules.get("allowedPattern", ""), rules.get("allowedValues")
        assert bounds[1] or (bounds[0].startswith("^") and bounds[0].endswith("$")), name
    pasted = re.findall(r"\{\{ *(\w+) *\}\}", str(content["mainSteps"]))
    assert [(document, name) for name in pasted] == [DIGITS_ONLY] * len(pasted)


@pytest.mark.parametrize("document", sorted(set(documents()) - WITHOUT_SERVICE))
@pytest.mark.parametrize(
    "value", ["web; reboot", "$(reboot)", "`reboot`", "web\nreboot", "../../etc", "web' || reboot '", ""]
)
def test_no_document_takes_a_service_that_is_a_program(document: str, value: str) -> None:
    """The name of a service is a name."""
    pattern = documents()[document]["parameters"]["Service"]["allowedPattern"]
    assert not re.fullmatch(pattern, value)


def test_every_service_that_a_policy_may_name_is_taken_by_every_document() -> None:
    """What adopt_policy lets pass is not refused at three in the morning."""
    fits = policy.Group.model_json_schema()["properties"]["service"]["pattern"]
    names = ["web", "my-app", "my_app", "a", "a" + "b" * 62, "x2"]
    for document in set(documents()) - WITHOUT_SERVICE:
        pattern = documents()[document]["parameters"]["Service"]["allowedPattern"]
        for name in filter(re.compile(fits).fullmatch, names):
            assert re.fullmatch(pattern, name), f"{name} is a service in a policy, and not in {pattern}"


@pytest.mark.parametrize("path", ["nightshift.yaml", "tools/local/policy.yaml"])
def test_every_remedy_of_a_shipped_policy_exists(path: str) -> None:
    """And every remedy is on a ladder of the annotated sample."""
    sound = policy.read((ROOT / path).read_text(), remedies.names())
    assert {remedy for symptom in sound.symptoms.values() for remedy in symptom.ladder} <= set(NAMES)
