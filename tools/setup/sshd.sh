#!/bin/sh
# Looks for OpenSSH's server, which tests/ssh start on loopback addresses: sshd.sh
# In CI it is installed; on a person's machine the package would also start a service, so it is only named.
set -eu

found() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v sshd >/dev/null 2>&1; }

found && exit 0
if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    log=$(mktemp)
    echo "setup: installing openssh-server for tests/ssh"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update && apt-get install -y --no-install-recommends openssh-server openssh-client; } >"$log" 2>&1 ||
        tail -n 15 "$log" >&2
    rm -f "$log"
    found && exit 0
    echo "setup: openssh-server could not be installed" >&2
    exit 1
fi
echo "setup: no sshd on this machine: tests/ssh will be skipped"
echo "  next: on Debian or Ubuntu: sudo apt-get install openssh-server   (then the same make command again)"
