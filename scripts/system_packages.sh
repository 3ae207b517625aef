#!/usr/bin/env bash
# Install the servers that the tests start and that no Python package brings: PostgreSQL.
# With root and apt-get it installs what is missing; otherwise it says how, and the tests say what they skip.
set -euo pipefail

have_postgres() {
  command -v initdb >/dev/null && return
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  compgen -G '/usr/pgsql-*/bin/initdb' >/dev/null && return
  compgen -G '/opt/homebrew/opt/postgresql*/bin/initdb' >/dev/null
}

if have_postgres; then exit 0; fi

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "system packages: the PostgreSQL server is missing; the tests that need it are skipped" >&2
  echo "  fix: sudo apt-get install postgresql    (macOS: brew install postgresql)" >&2
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
# the tests start their own server in a temporary folder; the machine gets no cluster from us
sed -i 's/^#\? *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
apt-get install -y -qq --no-install-recommends postgresql >/dev/null
have_postgres
