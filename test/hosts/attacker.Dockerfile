# Clients that load a site, and one that holds connections open on purpose.
ARG BASE=debian:trixie
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates nghttp2-client slowhttptest wrk \
 && rm -rf /var/lib/apt/lists/*
