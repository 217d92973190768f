#!/bin/bash
# A PostgreSQL cluster of our own for tests and benchmarks: in a temporary directory, on a free loopback port.
#
#   eval "$(tools/postgres.sh start)"     exports KITH_TEST_POSTGRES=postgresql://… and KITH_TEST_POSTGRES_DIR
#   tools/postgres.sh stop [DIR]          stops it and removes the directory
#   tools/postgres.sh crash [DIR]         ends it without warning (SIGKILL); `restart` brings it back
set -euo pipefail
bin=/usr/lib/postgresql/15/bin

# initdb refuses root; then the user `postgres`, whom Debian's package makes, owns the cluster.
as_owner() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && runuser -u postgres -- env LC_ALL=C.UTF-8 "$@")
    else
        LC_ALL=C.UTF-8 "$@"
    fi
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

up() { as_owner "$bin/pg_ctl" -D "$1/data" -l "$1/log" -w -t 60 start >/dev/null; }

# In memory where there is room: tests ask that a commit is waited for, not how fast a disk turns.
parent() {
    local room
    room=$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1)
    if [ -n "${KITH_TEST_POSTGRES_PARENT:-}" ]; then
        echo "$KITH_TEST_POSTGRES_PARENT"
    elif [ -z "${TMPDIR:-}" ] && [ "${room:-0}" -ge 4096 ]; then
        echo /dev/shm
    else
        echo "${TMPDIR:-/tmp}"
    fi
}

start() {
    [ -x $bin/initdb ] || { echo "postgres: PostgreSQL 15 is missing; tools/install.sh test installs it" >&2; exit 1; }
    local dir port password
    dir=$(mktemp -d "$(parent)/kith-postgres.XXXXXX")
    chmod 755 "$dir"
    [ "$(id -u)" -ne 0 ] || chown postgres: "$dir"
    password=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
    echo "$password" >"$dir/password"
    [ "$(id -u)" -ne 0 ] || chown postgres: "$dir/password"
    as_owner "$bin/initdb" -D "$dir/data" -U kith --encoding=UTF8 --locale=C.UTF-8 -A scram-sha-256 \
        --pwfile="$dir/password" >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    port=$(free_port)
    # fsync and full durability stay on: "accepted means durable" is what is tested.
    as_owner tee -a "$dir/data/postgresql.conf" >/dev/null <<EOF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
log_min_messages = warning
${KITH_TEST_POSTGRES_CONF:-}
EOF
    up "$dir" || { cat "$dir/log" >&2; exit 1; }
    as_owner env PGPASSWORD="$password" "$bin/createdb" -h 127.0.0.1 -p "$port" -U kith kith
    echo "export KITH_TEST_POSTGRES='postgresql://kith:$password@127.0.0.1:$port/kith'"
    echo "export KITH_TEST_POSTGRES_DIR='$dir'"
}

dir_of() {
    local dir=${1:-${KITH_TEST_POSTGRES_DIR:-}}
    case $dir in */kith-postgres.*) echo "$dir" ;; *) echo "postgres: no cluster of ours is named" >&2; exit 2 ;; esac
}

case ${1:-} in
    start) start ;;
    stop)
        dir=$(dir_of "${2:-}")
        as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
        rm -rf "$dir"
        ;;
    crash)
        dir=$(dir_of "${2:-}")
        pid=$(head -n 1 "$dir/data/postmaster.pid")
        # All at once: the postmaster first, so that it starts nobody anew.
        kill -KILL "$pid" $(pgrep -P "$pid")
        while pgrep -f -- "$dir/data" >/dev/null || kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
        ;;
    restart) dir=$(dir_of "${2:-}"); rm -f "$dir/data/postmaster.pid"; up "$dir" ;;
    *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
