#!/bin/sh
# Loads a renewed certificate without dropping a connection; one that nginx cannot read is not loaded, the old one stays.
# Beside certbot on the same host: install -m 755 deploy/nginx/renewed.sh /etc/letsencrypt/renewal-hooks/deploy/
# NGINX holds further arguments for nginx where it does not run with its usual file.
set -eu
# shellcheck disable=SC2086
nginx ${NGINX:-} -t -q
# shellcheck disable=SC2086
exec nginx ${NGINX:-} -s reload
