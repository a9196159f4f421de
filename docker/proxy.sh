#!/bin/sh
# SPDX-License-Identifier: MIT
# proxy.sh: fills in the variables of headcam's configuration, as nginx's own image does, and starts nginx.
set -eu
# shellcheck disable=SC2016  # they are envsubst's
envsubst '$HEADCAM_LISTEN $HEADCAM_UPSTREAM $HEADCAM_CERT $HEADCAM_KEY' \
  </etc/nginx/templates/headcam.conf.template >/tmp/headcam.conf
exec nginx -e stderr -c /etc/nginx/proxy.conf -g 'daemon off;'
