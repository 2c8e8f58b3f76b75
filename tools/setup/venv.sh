#!/bin/sh
# Makes the project's virtual environment: venv.sh PYTHON VENV
# Ends with what to do next when this machine lacks something, before anything is installed.
set -eu

python=$1
venv=$2
log=$venv/setup.log

fail() {
    printf 'setup: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '  next: %s\n' "$line" >&2; done
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "no program named '$python' found" \
        "install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python3.12 setup"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    found=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || echo unusable)
    newer=
    for name in python3.13 python3.12 python3.11; do
        if "$name" -c '' >/dev/null 2>&1; then newer=$name && break; fi
    done
    fail "Nightshift needs Python 3.11 or newer; '$python' is $found" \
        "make PYTHON=${newer:-/path/to/python3.12} setup"
}

"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "'$python' cannot make virtual environments: its venv or ensurepip module is missing" \
        "on Debian or Ubuntu: sudo apt-get install python3-venv   (then the same make command again)"

# An environment made by another Python, or left by a setup that was cut short, is made anew.
if ! "$venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$venv"
    echo "setup: making $venv with $("$python" --version)"
    "$python" -m venv "$venv"
fi

install() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$@" >>"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        fail "pip could not install $*" \
            "check that this machine reaches a Python package index (pip config list), then run make setup again" \
            "the whole log: $log"
    }
}

: >"$log"
echo "setup: installing packages (a minute or two, once)"
install pip # dependency groups need a recent pip
install --group dev
echo "setup: done"
