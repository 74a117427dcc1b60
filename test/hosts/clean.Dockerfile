# A machine as a new user has it: Node.js, npm and git, and nothing else.
ARG BASE=debian:trixie
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git nodejs npm \
 && rm -rf /var/lib/apt/lists/*
CMD ["sleep", "infinity"]
