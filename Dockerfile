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
COPY conf/extensions.yaml /image/etc/localstack/conf.d/extensions.yaml
# The last lines: BuildKit gives folders that are there already the modes and owners of those that are copied over them.
RUN make -s -j"$(nproc)" CFLAGS=-O2 \
 && make -s install DESTDIR=/image CFLAGS=-O2 \
 && scripts/link-venv / /image \
 && scripts/runtime-packages /image/usr/local/bin/* >/runtime-packages \
 && chmod -R a+rX,u+w /image \
 && cd /image && find . -mindepth 1 -type d | while read -r folder; do \
      [ ! -d "/$folder" ] || { chmod --reference="/$folder" "$folder" && chown --reference="/$folder" "$folder"; }; \
    done

FROM ${LOCALSTACK_IMAGE}
LABEL org.opencontainers.image.title="LocalStack with extensions" \
      org.opencontainers.image.description="LocalStack, with localstack-entrypoint and localstack-extensions"
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
# and `healthy` as soon as LocalStack is. LocalStack's own check, which needs help to find LocalStack without a name server, where
# LOCALSTACK_GATEWAY_LISTEN says where it listens, and with a home folder that cannot be written: localstack-entrypoint has made another one.
HEALTHCHECK --interval=10s --timeout=10s --retries=5 --start-period=330s \
    CMD [ -w "$HOME" ] || for HOME in "/var/lib/localstack/tmp/home-$(id -u)" "/tmp/home-$(id -u)"; do [ ! -w "$HOME" ] || break; done; \
        export HOME LOCALSTACK_HOST=localhost ${LOCALSTACK_GATEWAY_LISTEN:+GATEWAY_LISTEN="$LOCALSTACK_GATEWAY_LISTEN"}; \
        exec /opt/code/localstack/.venv/bin/localstack status services --format=json
ENTRYPOINT ["localstack-entrypoint"]
