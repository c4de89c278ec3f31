#!/bin/sh
# What the nginx container does before nginx; the entry point of the image runs it. Logs go to the container's own, and a
# renewed certificate is looked for, because certbot runs in another container and cannot send a signal to this one.
set -eu
certificate="${CERTIFICATE_FOLDER:?}/fullchain.pem"
ln -sf /dev/stdout "${LOG_FOLDER:?}/jeondan.access.log"
ln -sf /dev/stderr "$LOG_FOLDER/jeondan.error.log"

look() { [ ! -r "$certificate" ] || cksum < "$certificate"; }
(
    known=$(look)
    while sleep "${CERTIFICATE_LOOK_SECONDS:-60}"; do
        found=$(look)
        if [ -n "$found" ] && [ "$found" != "$known" ] && /opt/renewed.sh; then
            known=$found
            echo "certificate loaded anew"
        fi
    done
) &
