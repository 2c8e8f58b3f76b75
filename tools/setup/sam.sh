#!/bin/sh
# Runs the SAM CLI out of its own environment, made when missing: sam.sh LAMBDA_PYTHON VENV VERSION ARGS...
# It stands apart because it pins another boto3; sam build wants the Lambda runtime's own Python on PATH.
set -eu

name=$1
venv=$2
version=$3
shift 3

# A pyenv shim answers to the name without being that Python, so each candidate has to run.
runtime=
for candidate in "$name" "$HOME"/.pyenv/versions/"${name#python}"*/bin/"$name" /opt/homebrew/bin/"$name" /usr/local/bin/"$name"; do
    if "$candidate" -c '' >/dev/null 2>&1; then
        runtime=$("$candidate" -c 'import sys; print(sys.executable)')
        break
    fi
done
if [ -z "$runtime" ]; then
    echo "sam: building needs $name, the Lambda runtime in template.yaml; none was found on PATH or in ~/.pyenv" >&2
    echo "  next: install Python ${name#python} (pyenv install ${name#python}), then run this again" >&2
    exit 1
fi

if [ ! -f "$venv/.aws-sam-cli-$version" ]; then
    echo "sam: installing aws-sam-cli $version into $venv (half a minute, once)"
    rm -rf "$venv"
    "$runtime" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "aws-sam-cli==$version"
    touch "$venv/.aws-sam-cli-$version"
fi
PATH=$(dirname "$runtime"):$PATH exec "$venv/bin/sam" "$@"
