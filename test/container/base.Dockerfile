# SPDX-License-Identifier: Apache-2.0
# LocalStack's image as far as it matters to the programs: a Debian with its Python, LocalStack community in a venv of its own, and an
# entrypoint in bash. The real one needs a registry; what is in it comes from the package index here.
#
# LAYOUT=editable: localstack-core from its sources, on sys.path only through a .pth file, as in the real image; else from its wheel.
# EXT=1: with today's installer of extensions, which the entrypoint then calls, in a folder of its own: in the base it would make LocalStack ask
# for a licence.
FROM scratch
ADD debian.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 USER=localstack PYTHONUNBUFFERED=1
WORKDIR /opt/code/localstack/

ARG PIP_INDEX_URL=
ARG PIP_CERT=
ARG CORE
ARG CLI=
ARG LAYOUT=installed
ARG EXT=
COPY constraints.txt /tmp/
RUN python3 -m venv .venv \
 && if [ -z "$PIP_INDEX_URL" ]; then unset PIP_INDEX_URL; fi; if [ -z "$PIP_CERT" ]; then unset PIP_CERT; fi \
 && pip=".venv/bin/pip --disable-pip-version-check --no-cache-dir -qq" \
 && if [ "$LAYOUT" = editable ]; then \
      $pip download --no-deps --no-binary localstack-core "localstack-core==$CORE" -d /tmp/source \
      && mkdir localstack-core && tar -C localstack-core --strip-components=1 --no-same-owner -xf /tmp/source/*.tar.gz \
      && $pip install -c /tmp/constraints.txt -e './localstack-core[runtime]'; \
    else \
      $pip install -c /tmp/constraints.txt "localstack-core[runtime]==$CORE"; \
    fi \
 && if [ -n "$CLI" ]; then $pip install --pre -c /tmp/constraints.txt "localstack==$CLI"; fi \
 && if [ -n "$EXT" ]; then $pip install --no-deps --target /opt/localstack-ext "localstack-ext==$CORE"; fi \
 && rm -rf /tmp/source /tmp/constraints.txt /root/.cache

# The packages that LocalStack installs while it runs; the cache that its start needs; what makes it know that it is in a container.
RUN site=$(echo .venv/lib/python3.*/site-packages) version=$(basename .venv/lib/python3.*) \
 && echo "/usr/lib/localstack/python-packages/lib/$version/site-packages" >"$site/localstack-static-python-packages-venv.pth" \
 && echo "/var/lib/localstack/lib/python-packages/lib/$version/site-packages" >"$site/localstack-var-python-packages-venv.pth" \
 && mkdir -p /usr/lib/localstack /var/lib/localstack /etc/localstack/init \
 && touch /usr/lib/localstack/.community-version \
 && .venv/bin/python3 -m localstack.aws.spec >/dev/null \
 && rm -rf /root/.cache

# Open to every user, as in the real image.
RUN chmod 777 /opt/code/localstack
COPY docker-entrypoint.sh /usr/local/bin/
EXPOSE 4566 4510-4559 5678
VOLUME /var/lib/localstack
HEALTHCHECK --interval=10s --start-period=15s --retries=5 --timeout=10s \
    CMD /opt/code/localstack/.venv/bin/localstack status services --format=json
ENTRYPOINT ["docker-entrypoint.sh"]
