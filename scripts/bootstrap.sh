#!/usr/bin/env bash
# Make the virtual environment VENV and install this project into it: `scripts/bootstrap.sh VENV run|dev`.
# run = what the demo needs; dev = the drivers, the test and the check tools too. Needs Python 3.10-3.13 and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
kind=$2

fits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; }

pick_python() {
  for name in "${PYTHON:-python3}" python3.12 python3.11 python3.13 python3.10; do
    if command -v "$name" >/dev/null && fits "$name"; then echo "$name"; return; fi
  done
  echo "bootstrap: no Python 3.10 to 3.13 found (looked for ${PYTHON:-python3}, python3.10 … python3.13)" >&2
  echo "  fix: install one, or name it: make PYTHON=/path/to/python3" >&2
  return 1
}

if ! fits "$venv/bin/python"; then
  python=$(pick_python)
  echo "bootstrap: making $venv with $("$python" --version) and installing Airflow into it (a minute or two the first time) …"
  "$python" -m venv --clear "$venv" || {
    echo "bootstrap: $python cannot make a virtual environment" >&2
    echo "  fix: on Debian and Ubuntu: sudo apt-get install python3-venv" >&2
    exit 1
  }
fi

# uv resolves and installs in seconds where pip takes a minute and more; it does not read pip's own settings, so hand over the mirror
[ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
mirror=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
[ -z "$mirror" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$mirror}
case $venv in /*) export VIRTUAL_ENV=$venv ;; *) export VIRTUAL_ENV=$PWD/$venv ;; esac

wanted=(-e .)
if [ "$kind" != run ]; then
  bash scripts/system_packages.sh build
  extras=postgres,slack,smtp
  # the driver is compiled; where that cannot be, the tests of MySQL say so
  if "$venv/bin/python" -c 'import MySQLdb' 2>/dev/null || pkg-config --exists libmariadb 2>/dev/null ||
    pkg-config --exists mysqlclient 2>/dev/null; then extras=$extras,mysql; fi
  wanted=(-e ".[$extras]" --group test --group check)
fi
# byte code is compiled here, once: without it every Airflow process starts 3 seconds later
"$venv/bin/uv" pip install --quiet --compile-bytecode -c constraints.txt "${wanted[@]}"
PYTHONDONTWRITEBYTECODE='' "$venv/bin/python" -m compileall -q sync_provider
