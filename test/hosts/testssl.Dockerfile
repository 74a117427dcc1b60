# testssl.sh, which grades a site's TLS as SSL Labs does.
ARG BASE=debian:trixie
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends bsdextrautils ca-certificates dnsutils openssl procps testssl.sh \
 && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["testssl"]
