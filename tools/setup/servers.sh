#!/bin/sh
# Finds the servers that tests start on loopback addresses, OpenSSH's and Prometheus Alertmanager, or installs them.
# Installed by root in CI and in containers only: on a person's machine a package would also start a service, so
# there it is only named.
set -eu
PATH="$PATH:/usr/sbin:/usr/local/sbin"

found() { command -v "$1" >/dev/null 2>&1; }

may_install() {
    [ "$(id -u)" = 0 ] && found apt-get && { [ "${CI:-}" = true ] || [ ! -d /run/systemd/system ]; }
}

# need COMMAND PACKAGES TESTS
need() {
    if found "$1"; then
        echo "setup: found $(command -v "$1") for $3"
        return
    fi
    if may_install; then
        log=$(mktemp)
        echo "setup: installing $2 for $3"
        # RUNLEVEL: Debian starts no service in single-user mode.
        export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
        # shellcheck disable=SC2086 # several packages
        { apt-get update && apt-get install -y --no-install-recommends $2; } >"$log" 2>&1 ||
            tail -n 15 "$log" >&2
        rm -f "$log"
        found "$1" && return
        echo "setup: $2 could not be installed" >&2
        if [ "${CI:-}" = true ]; then exit 1; fi
    fi
    echo "setup: no $1 on this machine: $3 will be skipped"
    echo "  next: on Debian or Ubuntu: sudo apt-get install $2   (then the same make command again)"
}

need sshd "openssh-server openssh-client" tests/ssh
need prometheus-alertmanager prometheus-alertmanager tests/e2e/test_alertmanager.py
