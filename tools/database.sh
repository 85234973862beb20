# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The private PostgreSQL of ./run, in $PLACE/pg. It answers on loopback and, where the
# path is short enough for the system, on a socket of its own; both ask for the password.

database_bin() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t / -k 5 -n | tail -n 1)
    [ -x "$found/initdb" ] || found=$(dirname "$(command -v initdb 2>/dev/null)")
    [ -x "$found/pg_ctl" ] || die "PostgreSQL's server programs (initdb, pg_ctl) were not found."
    printf '%s' "$found"
}

database_pid() { process_of "$PLACE/pg/data/postmaster.pid" "$PLACE/pg/data"; }

# Everything below runs in $PLACE/pg, a directory the account can read: the tools insist on one.
database_tool() {
    local tool=$1 bin
    shift
    bin=$(database_bin) || exit 1
    (cd "$PLACE/pg" && as "$DB_ACCOUNT" "$bin/$tool" "$@")
}

database_init() {
    local secret=$PLACE/pg/secret
    mkdir -p "$PLACE/pg"
    [ -z "$DB_ACCOUNT" ] || chown "$DB_ACCOUNT" "$PLACE/pg"
    [ ! -f "$PLACE/pg/data/PG_VERSION" ] || return 0
    say "Making a private PostgreSQL in $PLACE/pg"
    (umask 077 && random_word 24 >"$secret")
    [ -z "$DB_ACCOUNT" ] || chown "$DB_ACCOUNT" "$secret"
    # What an interrupted attempt left is not a database.
    rm -rf "$PLACE/pg/data"
    logged "$DIR/log/database.log" database_tool initdb -D "$PLACE/pg/data" -U twchat -A scram-sha-256 \
        --pwfile "$secret" -E UTF8 --locale=C.UTF-8 || die_log "initdb failed." "$DIR/log/database.log"
}

# Sets DATABASE_URL, DATABASE_PARAMS (what httpd's DBDParams gets) and DATABASE_KEY (one word to tell databases apart).
database_start() {
    local port socket=$PLACE/pg/socket secret host=127.0.0.1
    if [ -n "${DATABASE_URL:-}" ]; then
        DATABASE_PARAMS=$DATABASE_URL
        DATABASE_KEY=$(printf '%s' "$DATABASE_URL" | cksum | cut -d ' ' -f 1)
        return
    fi
    database_init
    # 107 bytes is what Linux allows the path of a socket, including /.s.PGSQL.12345
    if [ "$(printf '%s/.s.PGSQL.12345' "$socket" | wc -c)" -le 107 ]; then
        as "$DB_ACCOUNT" mkdir -p "$socket"
        host=$socket
    else
        socket=
    fi
    if database_pid >/dev/null; then
        port=$(cat "$PLACE/pg/port")
    else
        port=$(port_free)
        printf '%s\n' "$port" >"$PLACE/pg/port"
        database_launch "$port" "$socket"
    fi
    DATABASE_KEY=private
    secret=$(cat "$PLACE/pg/secret")
    DATABASE_URL=postgresql://twchat:$secret@127.0.0.1:$port/twchat
    host=${host//\\/\\\\}
    DATABASE_PARAMS="host='${host//\'/\\\'}' port=$port dbname=twchat user=twchat password=$secret connect_timeout=5"
    database_create
}

database_launch() {
    local conf=$PLACE/pg/data/postgresql.auto.conf
    # postgresql.auto.conf because a path may hold characters that pg_ctl -o would give to a shell.
    printf "listen_addresses = '127.0.0.1'\nport = %s\nunix_socket_directories = '%s'\nmax_connections = 100\n" \
        "$1" "${2//\'/\'\'}" >"$conf"
    logged "$DIR/log/database.log" database_tool pg_ctl -D "$PLACE/pg/data" -l "$PLACE/pg/postgres.log" -s -w -t 60 start ||
        die_log "PostgreSQL did not start." "$PLACE/pg/postgres.log"
}

database_create() {
    local sql="SELECT 1 FROM pg_database WHERE datname = 'twchat'"
    [ "$(database_sql "$sql")" = 1 ] || database_sql "CREATE DATABASE twchat" >/dev/null ||
        die_log "the database could not be created." "$DIR/log/database.log"
}

database_sql() {
    PGPASSWORD=$(cat "$PLACE/pg/secret") psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(cat "$PLACE/pg/port")" \
        -U twchat -d postgres -c "$1" 2>>"$DIR/log/database.log"
}

database_stop() {
    database_pid >/dev/null || return 0
    logged "$DIR/log/database.log" database_tool pg_ctl -D "$PLACE/pg/data" -m fast -s -w -t 60 stop ||
        warn "PostgreSQL did not stop; see $PLACE/pg/postgres.log"
}
