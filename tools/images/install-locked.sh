#!/bin/sh
# install-locked LOCK_FILE : what a lock file names, by its hashes, into the image's environment (made when missing).
# Runs inside the Dockerfile's build stages. Both secrets are optional.
set -eu
[ ! -s /run/secrets/pip_config ] || export PIP_CONFIG_FILE=/run/secrets/pip_config
[ ! -s /run/secrets/ca_bundle ] || export PIP_CERT=/run/secrets/ca_bundle
# Without a pip of its own: nothing is ever installed in a running container.
[ -d /opt/axm1 ] || python3 -m venv --without-pip /opt/axm1
exec python3 -m pip --python /opt/axm1/bin/python --disable-pip-version-check --cache-dir /var/cache/pip \
    install --root-user-action ignore --require-hashes --requirement "$1"
