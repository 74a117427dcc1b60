#!/bin/sh
# Starts nginx, and beside it a loop that reloads it while a name of the site waits for its first certificate.
#
# After a failed validation nginx's ACME module may wait a day, and asks again at once when it is reloaded. Four times an hour
# stays below the five failures that Let's Encrypt allows an account for a name in that time.
set -eu

configuration=/etc/nginx/stack/current

first_certificate() {
  awk '/-----BEGIN CERTIFICATE-----/ { inside = 1 } inside { print } /-----END CERTIFICATE-----/ { exit }'
}

waits() {
  served=$(curl --silent --insecure --head --output /dev/null --max-time 5 --resolve "$1:8443:127.0.0.1" \
    --write-out '%{certs}' "https://$1:8443/static/" | first_certificate)
  [ "$served" = "$(first_certificate < "$configuration/tls/certificate.pem")" ]
}

while sleep "${ACME_RETRY_SECONDS:-900}"; do
  [ -f "$configuration/acme-names" ] || continue
  while read -r name; do
    if waits "$name"; then
      echo "$name waits for its certificate: nginx asks for it again" >&2
      kill -HUP "$(cat /tmp/nginx.pid)"
      break
    fi
  done < "$configuration/acme-names"
done &

exec nginx -c "$configuration/nginx.conf" -g 'daemon off;'
