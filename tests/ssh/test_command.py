"""Commands on one connection: status, streams, limits, deadlines, sudo."""

from __future__ import annotations

import stat

import pytest

from nightshift.errors import NightshiftError
from nightshift_ssh import reading
from nightshift_ssh.command import Command
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.handshake import connect
from tests.ssh.conftest import PATIENCE

SOON = 0.5
MEBIBYTE = 2**20


def run(connection, *argv, **options):
    return connection.run(Command(argv, **options), Deadline.after(PATIENCE))


def failure(connection, *argv, **options) -> NightshiftError:
    with pytest.raises(NightshiftError) as caught:
        run(connection, *argv, **options)
    return caught.value


def script(connection, text, **options):
    return run(connection, "sh", "-c", text, **options)


def test_a_command_answers_with_its_output_and_status(connection):
    """Both streams, apart."""
    result = script(connection, "echo out; echo err >&2; exit 3")
    assert (result.exit_status, result.stdout, result.stderr, result.signal) == (3, "out\n", "err\n", None)
    assert not result.ok
    assert run(connection, "true").ok


def test_arguments_arrive_as_they_were_given(connection):
    """No shell on the way reads them."""
    words = ["a b", "$HOME", "`id`", "'", '"', ";", "*", "", "\n", "ä", "-n"]
    assert run(connection, "printf", "<%s>", *words).stdout == "".join(f"<{word}>" for word in words)


def test_a_program_that_is_not_there_is_a_status_not_an_error(connection):
    """As the shell says it."""
    assert run(connection, "no-such-program").exit_status == 127


def test_the_signal_that_ended_a_command_is_told(connection):
    """There is no status then."""
    result = script(connection, "kill -TERM $$")
    assert (result.exit_status, result.signal) == (None, "TERM")


def test_long_output_is_cut_at_its_limit_and_says_so(connection):
    """The command is not held up by what nobody keeps."""
    result = script(connection, "head -c 1048576 /dev/zero | tr '\\0' x; echo done >&2", limit=1000)
    assert result.stdout == "x" * 1000 + f"\n[cut: 1000 of {MEBIBYTE} bytes]"
    assert (result.exit_status, result.stderr) == (0, "done\n")


def test_much_on_stderr_does_not_stop_the_command(connection):
    """Both streams share one window, of 2 MiB."""
    result = script(connection, "head -c 5000000 /dev/zero >&2; echo done", limit=10)
    assert result.stdout == "done\n"
    assert result.stderr.endswith("[cut: 10 of 5000000 bytes]")


def test_a_flood_is_left(connection, monkeypatch):
    """Reading on would only burn time."""
    monkeypatch.setattr(reading, "FLOOD", MEBIBYTE)
    assert failure(connection, "yes").code == "ssh.output_flood"
    assert run(connection, "echo", "still well").stdout == "still well\n"


def test_bytes_that_are_no_text_are_replaced(connection):
    """A result is text whatever the command printed."""
    assert script(connection, r"printf 'a\377\376b'").stdout == "a\ufffd\ufffdb"


def test_standard_input_is_empty(connection):
    """A command that asks finds nobody."""
    assert run(connection, "cat").stdout == ""


def test_a_command_that_hangs_ends_with_its_deadline(connection):
    """The connection survives it."""
    error = failure(connection, "sleep", "600", seconds=SOON)
    assert (error.code, error.recoverable) == ("ssh.command_timeout", True)
    assert run(connection, "echo", "next").stdout == "next\n"


def test_a_connection_that_breaks_under_a_command_is_told(site, server):
    """Whether the command ended is unknown, and the error says so."""
    connection = connect(server.address(), site.login(), Deadline.after(PATIENCE))
    error = failure(connection, "sh", "-c", "kill -9 $PPID; sleep 600")
    assert error.code == "ssh.connection_lost"
    assert "unknown" in error.message
    assert not connection.alive
    assert failure(connection, "true").code == "ssh.channel_refused"


@pytest.mark.parametrize("argv", [(), ("",), ("echo", "a\0b")])
def test_what_cannot_be_quoted_is_refused(argv):
    """Before anything is sent."""
    with pytest.raises(NightshiftError) as caught:
        Command(argv).line()
    assert caught.value.code == "ssh.argument_unsafe"


def test_sudo_asks_for_nothing_and_passes_every_argument(site, tmp_path):
    """A stand-in for sudo on the server's PATH prints what it was called with."""
    stand_in = tmp_path / "bin" / "sudo"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IEXEC)
    server = site.sshd("127.0.0.5", path=f"{stand_in.parent}:/usr/bin:/bin")
    connection = connect(server.address(), site.login(), Deadline.after(PATIENCE))
    try:
        result = run(connection, "systemctl", "restart", "a b; id", sudo=True)
    finally:
        connection.close()
    assert result.stdout == "<-n><--><systemctl><restart><a b; id>"
