#!/bin/sh
# Makes the secrets of docker-compose.yml: sh infra/docker/tokens.sh > .env
# One token for the processes among themselves and Prometheus, one for people (GYRE_TOKEN, which the command line reads too).
set -eu
token() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }
sha256() { printf %s "$1" | openssl dgst -sha256 -r | cut -d' ' -f1; }
processes=$(token)
operator=$(token)
cat <<END
GYRE_PEERS_TOKEN=$processes
GYRE_TOKEN=$operator
GYRE_AUTH_TOKENS='[{"name":"processes","sha256":"$(sha256 "$processes")"},{"name":"operator","sha256":"$(sha256 "$operator")"}]'
GRAFANA_PASSWORD=$(token | cut -c1-20)
END
