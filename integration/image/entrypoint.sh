#!/bin/sh
# Prepares the cluster on the first start and then becomes the server, by the rules of the official image as far as
# tests use them: POSTGRES_USER, POSTGRES_PASSWORD (required), POSTGRES_DB, POSTGRES_INITDB_ARGS, PGDATA, and the scripts
# in /docker-entrypoint-initdb.d.
set -eu

case ${1:-postgres} in
-*) set -- postgres "$@" ;;
esac
if [ "$1" != postgres ]; then
	exec "$@"
fi

if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chown -R postgres:postgres "$PGDATA"
	chmod 0700 "$PGDATA"
	exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi

run_script() {
	case $1 in
	*.sh) if [ -x "$1" ]; then "$1"; else . "$1"; fi ;;
	*.sql) psql -v ON_ERROR_STOP=1 -h /run/postgresql -U "$user" -d "$database" -f "$1" ;;
	esac
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres}
	database=${POSTGRES_DB:-$user}
	: "${POSTGRES_PASSWORD:?a server that the network reaches needs a password}"
	printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
	# shellcheck disable=SC2086 # the arguments are several words
	initdb -D "$PGDATA" -U "$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
	rm /tmp/password
	printf '\nhost all all all scram-sha-256\nhost replication all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
	printf "\nlisten_addresses = '*'\nunix_socket_directories = '/run/postgresql'\n" >>"$PGDATA/postgresql.conf"

	# On the socket only: whoever waits for the port must not find the server of the preparation.
	pg_ctl -D "$PGDATA" -w -o "-c listen_addresses=''" start
	if [ "$database" != postgres ]; then
		printf 'CREATE DATABASE :"name";\n' | psql -v ON_ERROR_STOP=1 -h /run/postgresql -U "$user" -d postgres -v name="$database"
	fi
	for script in /docker-entrypoint-initdb.d/*; do
		[ -e "$script" ] && run_script "$script"
	done
	pg_ctl -D "$PGDATA" -w -m fast stop
fi

exec "$@"
