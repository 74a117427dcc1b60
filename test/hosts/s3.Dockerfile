# Storage with S3's interface, in memory: moto, the AWS test double.
FROM python:3.14-slim
RUN python3 -m venv /srv/moto && /srv/moto/bin/pip install --no-cache-dir 'moto[server]==5.2.5'
CMD ["/srv/moto/bin/moto_server", "--host", "0.0.0.0", "--port", "5000"]
