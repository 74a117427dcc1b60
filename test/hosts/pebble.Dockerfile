# pebble, the ACME directory that Let's Encrypt gives testers; Debian 13's is too old for profiles.
ARG BASE=debian:testing
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends pebble \
 && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["pebble"]
