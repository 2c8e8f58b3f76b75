"""The persistent shell answers as exec does, command after command."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import NightshiftError
from nightshift_ssh.command import Command
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.handshake import connect
from nightshift_ssh.shell import UpTo
from tests.ssh.conftest import PATIENCE

SOON = 0.5


def run(connection, *argv, **options):
    return connection.run(Command(argv, **{"through_shell": True, **options}), Deadline.after(PATIENCE))


@pytest.mark.parametrize(
    "argv",
    [
        ("true",),
        ("echo", "a b", "'", "$HOME", ""),
        ("printf", "no newline at the end"),
        ("exit", "7"),
        ("cat",),
        ("sh", "-c", "echo out; echo err >&2; exit 3"),
        ("sh", "-c", r"printf 'a\377b'"),
        ("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"),
        ("sh", "-c", "head -c 3000000 /dev/zero >&2; echo done"),
    ],
    ids=lambda argv: argv[-1][:24],
)
def test_a_command_through_the_shell_is_as_by_exec(connection, argv):
    """Status, both streams, cuts; and the shell is whole afterwards."""
    by_exec = run(connection, *argv, through_shell=False)
    through = run(connection, *argv)
    assert (through.exit_status, through.stdout) == (by_exec.exit_status, by_exec.stdout)
    assert through.stderr == by_exec.stderr
    assert run(connection, "echo", "whole").stdout == "whole\n"


def test_a_program_that_is_not_there_has_the_same_status(connection):
    """In whatever words the two shells tell it."""
    results = [run(connection, "no-such-program", through_shell=through) for through in (False, True)]
    assert [result.exit_status for result in results] == [127, 127]
    assert all("no-such-program" in result.stderr for result in results)


def test_commands_share_one_shell_and_cannot_reach_each_other(connection):
    """Neither the folder nor a variable nor an exit stays."""
    first = run(connection, "sh", "-c", "echo $PPID").stdout
    run(connection, "cd", "/")
    run(connection, "exit", "1")
    assert run(connection, "pwd").stdout != "/\n"
    assert run(connection, "sh", "-c", "echo $PPID").stdout == first


def test_a_command_that_hangs_costs_the_shell_only(connection):
    """The next command gets a fresh one on the same connection."""
    with pytest.raises(NightshiftError, match=r"ssh\.command_timeout"):
        run(connection, "sleep", "600", seconds=SOON)
    assert connection.alive
    assert run(connection, "echo", "next").stdout == "next\n"


def test_a_shell_that_is_killed_is_told_and_replaced(connection):
    """Whether the command ended is unknown."""
    with pytest.raises(NightshiftError, match=r"ssh\.connection_lost"):
        run(connection, "sh", "-c", "kill -9 $PPID")
    assert run(connection, "echo", "next").stdout == "next\n"


def test_the_mark_is_another_one_each_time(site, server, monkeypatch):
    """What a command prints cannot end it: it cannot know the mark."""
    marks = []
    made = UpTo.__init__
    monkeypatch.setattr(
        UpTo,
        "__init__",
        lambda self, limit, mark, behind=0: marks.append(mark) or made(self, limit, mark, behind),
    )
    connection = connect(server.address(), site.login(), Deadline.after(PATIENCE))
    for _ in range(3):
        run(connection, "true")
    connection.close()
    assert len(set(marks)) == 3
    assert all(len(mark) == 32 for mark in marks)


@given(
    before=st.binary(max_size=40),
    status=st.integers(min_value=0, max_value=255),
    cuts=st.lists(st.integers(min_value=0, max_value=90), max_size=6),
)
def test_a_stream_is_cut_at_its_mark_in_whatever_pieces_it_comes(before, status, cuts):
    """Also when a piece ends in the middle of the mark."""
    mark = b"0123456789abcdef0123456789abcdef"
    whole = before + mark + b"%03d\n" % status
    stream = UpTo(1000, mark, 4)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    for start, end in pairwise(edges):
        assert stream.behind is None
        stream.add(whole[start:end])
    assert stream.behind == b"%03d\n" % status
    assert stream.text() == before.decode(errors="replace")
