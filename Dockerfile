# SPDX-License-Identifier: Apache-2.0
# LocalStack's image with localstack-entrypoint and localstack-extensions in it: `make image`, or
#
#   docker build --tag localstack-with-extensions .
#   docker build --tag localstack-with-extensions --build-arg LOCALSTACK_IMAGE=localstack/localstack-pro .
ARG LOCALSTACK_IMAGE=localstack/localstack

# Built on the image that the programs are for: so they fit its C library, and link the versions that its Debian has.
FROM ${LOCALSTACK_IMAGE} AS build
USER root
WORKDIR /build
COPY scripts/setup scripts/
RUN scripts/setup build
COPY Makefile ./
COPY scripts/link-venv scripts/runtime-packages scripts/
COPY entrypoint entrypoint
COPY lib lib
COPY man man
RUN make -s -j"$(nproc)" CFLAGS=-O2 \
 && make -s install DESTDIR=/image CFLAGS=-O2 \
 && scripts/link-venv / /image \
 && scripts/runtime-packages /image/usr/local/bin/* >/runtime-packages
COPY conf/extensions.yaml /image/etc/localstack/conf.d/extensions.yaml

FROM ${LOCALSTACK_IMAGE}
USER root
COPY --from=build /runtime-packages /tmp/
RUN missing=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | grep -vxFf - /tmp/runtime-packages || true) \
 && if [ -n "$missing" ]; then \
      apt-get -qq update \
      && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $missing \
      && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/apt /var/log/dpkg.log; \
    fi \
 && rm /tmp/runtime-packages
COPY --from=build /image/ /
RUN localstack-extensions --version && localstack-entrypoint --version

# A first start installs, and may take as long as EXTENSION_SYNC_TIMEOUT allows before LocalStack starts. Who looks earlier sees `starting`,
# and `healthy` as soon as LocalStack is. LocalStack's own check, by a name that needs no name server: it is one without any network, too.
HEALTHCHECK --interval=10s --timeout=10s --retries=5 --start-period=330s \
    CMD LOCALSTACK_HOST=localhost /opt/code/localstack/.venv/bin/localstack status services --format=json
ENTRYPOINT ["localstack-entrypoint"]
