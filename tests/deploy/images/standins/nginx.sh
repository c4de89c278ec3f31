#!/bin/sh
# As the entry point of the official image: templates are filled in, then the scripts run, then nginx.
set -eu
for template in /etc/nginx/templates/*.template; do
    [ -e "$template" ] || continue
    written="/etc/nginx/conf.d/$(basename "$template" .template)"
    envsubst "$(env | sed 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/')" < "$template" > "$written"
done
for script in /docker-entrypoint.d/*.sh; do
    [ ! -x "$script" ] || "$script"
done
exec "$@"
