#!/usr/bin/env bash
# Makes a virtual environment with everything that the demo, the tests and the docs need.
set -euo pipefail

venv=${VENV:-.venv}
python=${PYTHON:-python3.11}
command -v "$python" >/dev/null || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "penchant needs Python 3.11 or newer; found $("$python" --version). Set PYTHON=/path/to/python3.11" >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"

# torch first and exactly: a looser range, or another package that asks for it first, takes gigabytes of GPU libraries.
"$venv/bin/python" -c 'import torch; assert torch.__version__.startswith("2.13.0")' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0
"$venv/bin/pip" install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,export,tune,dev,docs]'
