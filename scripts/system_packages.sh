#!/usr/bin/env bash
# Install what the tests need and no Python package brings: `scripts/system_packages.sh build|servers`.
# build = what compiles the MySQL driver; servers = PostgreSQL and MariaDB, which the tests start themselves.
# With root and apt-get it installs what is missing; otherwise it says how, and the tests say what they skip.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

have_postgres() {
  command -v initdb >/dev/null && return
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  compgen -G '/usr/pgsql-*/bin/initdb' >/dev/null && return
  compgen -G '/opt/homebrew/opt/postgresql*/bin/initdb' >/dev/null
}

have_mariadb() { command -v mariadb-install-db >/dev/null; }

have_headers() {
  command -v gcc >/dev/null && command -v pkg-config >/dev/null && { pkg-config --exists libmariadb || pkg-config --exists mysqlclient; }
}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

updated=
install() {
  [ -n "$updated" ] || apt-get update -qq
  updated=yes
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

build() {
  have_headers && return
  if ! can_install; then
    echo "system packages: no compiler, or no headers of the MySQL client; the MySQL driver is left out" >&2
    echo "  fix: sudo apt-get install gcc python3-dev pkg-config libmariadb-dev    (macOS: brew install mariadb pkg-config)" >&2
    return
  fi
  install gcc libc6-dev python3-dev pkg-config libmariadb-dev
  have_headers
}

postgres() {
  have_postgres && return
  if ! can_install; then
    echo "system packages: the PostgreSQL server is missing; the tests that need it are skipped" >&2
    echo "  fix: sudo apt-get install postgresql    (macOS: brew install postgresql)" >&2
    return
  fi
  install postgresql-common
  # the tests start their own server in a temporary folder; the machine gets no cluster from us
  sed -i 's/^#\? *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  install postgresql
  have_postgres
}

mariadb() {
  have_mariadb && return
  if ! can_install; then
    echo "system packages: the MariaDB server is missing; the tests that need it are skipped" >&2
    echo "  fix: sudo apt-get install mariadb-server    (macOS: brew install mariadb)" >&2
    return
  fi
  # a package may ask this file whether to start its server; it goes again, and one of yours is left alone
  local asked=/usr/sbin/policy-rc.d
  if [ ! -e $asked ]; then
    printf '#!/bin/sh\nexit 101\n' >$asked && chmod 755 $asked
    trap "rm -f $asked" EXIT
  fi
  install mariadb-server
  # nor does it start with the machine
  if [ -d /run/systemd/system ]; then systemctl disable --quiet mariadb; fi
  have_mariadb
}

case ${1:-servers} in
  build) build ;;
  servers) postgres; mariadb ;;
  *) echo "system_packages: build or servers, got $1" >&2; exit 2 ;;
esac
