# Another host that backups are sent to by sftp; its keys are made here, for every build anew.
ARG BASE=debian:trixie
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends openssh-client openssh-server \
 && rm -rf /var/lib/apt/lists/* \
 && install -d /run/sshd \
 && useradd --create-home --password '*' keeper \
 && install -d -o keeper -g keeper -m 0700 /home/keeper/.ssh /home/keeper/backups \
 && ssh-keygen -q -t ed25519 -N '' -C '' -f /srv/client-key \
 && install -o keeper -g keeper -m 0600 /srv/client-key.pub /home/keeper/.ssh/authorized_keys
CMD ["/usr/sbin/sshd", "-D", "-e", "-o", "PasswordAuthentication=no"]
