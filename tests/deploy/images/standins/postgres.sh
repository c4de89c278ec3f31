#!/bin/sh
# As the entry point of the official image, for the three variables that the compose files use.
set -eu
data=/var/lib/postgresql/18/docker
if [ ! -s "$data/PG_VERSION" ]; then
    install -d -o postgres -g postgres /var/lib/postgresql/18 "$data"
    printf %s "$POSTGRES_PASSWORD" > /tmp/password
    chown postgres /tmp/password
    setpriv --reuid 999 --regid 999 --clear-groups initdb -D "$data" -U "$POSTGRES_USER" --pwfile /tmp/password -A scram-sha-256 \
        -E UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 > /dev/null
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
    # The database is made by the server in its single-user form: nobody can connect before it is there.
    [ "$POSTGRES_DB" = postgres ] || echo "CREATE DATABASE $POSTGRES_DB" |
        setpriv --reuid 999 --regid 999 --clear-groups postgres --single -D "$data" postgres > /dev/null
fi
exec setpriv --reuid 999 --regid 999 --clear-groups "$@" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
