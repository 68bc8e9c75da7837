#!/bin/sh
# with-pip-settings COMMAND... : runs it with the pip settings that the builder was given as secrets, if it was.
# Used by the Dockerfile only.
set -eu
export PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
[ ! -s /run/secrets/pip_config ] || export PIP_CONFIG_FILE=/run/secrets/pip_config
[ ! -s /run/secrets/ca_bundle ] || export PIP_CERT=/run/secrets/ca_bundle
exec "$@"
