#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Stands in for the entrypoint of today's image, with what it does in the same order. With today's installer of extensions in the image
# it runs that too, before the hooks.
set -eo pipefail
shopt -s nullglob

# LOCALSTACK_X=v is X=v as well, but for the settings that really begin so.
while IFS= read -r name; do
    if [[ $name == LOCALSTACK_[A-Z]* && $name != LOCALSTACK_HOST* ]]; then
        export "${name#LOCALSTACK_}=${!name}"
    fi
done < <(compgen -e)

mkdir -p /var/lib/localstack/logs
cd /opt/code/localstack
# shellcheck source=/dev/null
source .venv/bin/activate
if [ -d /opt/localstack-ext ]; then
    PYTHONPATH=/opt/localstack-ext python3 -m localstack.pro.core.bootstrap.extensions.autoinstall
fi
if [ -d /etc/localstack/init/boot.d ]; then
    python3 -m localstack.runtime.init BOOT
fi
exec localstack-supervisor
