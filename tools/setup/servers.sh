#!/bin/sh
# Looks for the servers that tests start on loopback addresses, OpenSSH's and Prometheus Alertmanager: servers.sh
# In CI they are installed; on a person's machine a package would also start a service, so it is only named.
set -eu

found() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null 2>&1; }

# need COMMAND PACKAGES TESTS
need() {
    found "$1" && return
    if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        log=$(mktemp)
        echo "setup: installing $2 for $3"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086 # several packages
        { apt-get update && apt-get install -y --no-install-recommends $2; } >"$log" 2>&1 ||
            tail -n 15 "$log" >&2
        rm -f "$log"
        found "$1" && return
        echo "setup: $2 could not be installed" >&2
        exit 1
    fi
    echo "setup: no $1 on this machine: $3 will be skipped"
    echo "  next: on Debian or Ubuntu: sudo apt-get install $2   (then the same make command again)"
}

need sshd "openssh-server openssh-client" tests/ssh
need prometheus-alertmanager prometheus-alertmanager tests/e2e/test_alertmanager.py
