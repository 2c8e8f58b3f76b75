"""What a command asks of a function, and says about its answer."""

import io
import json

from tools.cli import app, connection


def _answered(monkeypatch, payload, **more):
    """A stack whose answer_approval says ``payload``; returns what it was asked."""
    asked = []

    class Stack(connection.Connection):
        def __init__(self, _target):
            pass

        def output(self, name):
            return name

        def client(self, _service):
            return self

        def invoke(self, **request):
            asked.append(request)
            return {"Payload": io.BytesIO(json.dumps(payload).encode()), **more}

    monkeypatch.setattr(connection, "Connection", Stack)
    return asked


def test_an_approval_is_sent_with_the_name_of_who_approves(monkeypatch, capsys):
    """The function decides; the command says what was decided."""
    told = {"decided": True, "remedy": "replace_node", "reason": "approved by ada"}
    asked = _answered(monkeypatch, told)
    assert app.main(["approve", "inc-1", "--by", "ada", "--why", "it is night"]) == 0
    assert "replace_node: approved by ada" in capsys.readouterr().out
    sent = {"incident_id": "inc-1", "decision": "approve", "by": "ada", "why": "it is night"}
    assert json.loads(asked[0]["Payload"]) == sent
    assert asked[0]["FunctionName"] == "AnswerApprovalFunction"


def test_a_release_is_approved_as_a_remedy_is(monkeypatch, capsys):
    """The id says which of the two asks, and what happens then."""
    asked = _answered(monkeypatch, {"decided": True, "remedy": "2.0.0", "reason": "approved by ada"})
    assert app.main(["approve", "dep-1", "--by", "ada", "--why", "tried it"]) == 0
    said = capsys.readouterr().out
    assert "2.0.0: approved by ada; deployed when its turn comes" in said
    assert "watch: nightshift deployments dep-1" in said
    assert app.main(["deny", "dep-1", "--by", "ada", "--why", "not now"]) == 0
    assert "nothing is deployed" in capsys.readouterr().out
    assert [json.loads(one["Payload"])["deployment_id"] for one in asked] == ["dep-1", "dep-1"]


def test_an_answer_that_does_not_count_fails_with_its_reason(monkeypatch, capsys):
    """Denied by somebody else already, for example."""
    told = {"decided": False, "code": "approval.decided", "reason": "replace_node was denied by eve"}
    _answered(monkeypatch, told)
    assert app.main(["deny", "inc-1", "--why", "not now"]) == 1
    assert "replace_node was denied by eve" in capsys.readouterr().err


def test_an_answer_that_fails_is_said(monkeypatch, capsys):
    """An unknown incident, for example."""
    told = {"errorMessage": "incident.unknown: there is no incident inc-9"}
    _answered(monkeypatch, told, FunctionError="Unhandled")
    assert app.main(["approve", "inc-9", "--why", "it is night"]) == 1
    assert "there is no incident inc-9" in capsys.readouterr().err


def test_a_refusal_is_said_with_what_to_do_about_its_code(monkeypatch, capsys):
    """A code that the command knows nothing about leads to its help."""
    for code, then in (("run.too_long", "a shorter --timeout"), ("run.new", "see nightshift run --help")):
        told = {"errorMessage": f"{code}: it cannot be so"}
        asked = _answered(monkeypatch, told, FunctionError="Unhandled")
        assert app.main(["run", "--all", "--", "uname"]) == 1
        said = capsys.readouterr().err
        assert "it cannot be so" in said
        assert then in said
        assert asked[0]["FunctionName"] == "StartCommandFunction"


def test_an_order_that_is_refused_begins_nothing(monkeypatch, capsys):
    """A deployment of an app that nobody knows, a pass over a group that there is not."""
    told = {"errorMessage": "some.code: there is no such thing"}
    for words, then in (
        (["deploy", "web"], "nightshift deployments"),
        (["inspect", "--group", "web"], "nightshift nodes"),
    ):
        _answered(monkeypatch, told, FunctionError="Unhandled")
        assert app.main(words) == 1
        said = capsys.readouterr().err
        assert "there is no such thing" in said
        assert then in said
