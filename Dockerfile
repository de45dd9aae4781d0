# docker build -t tsntlm .
# docker build --build-arg BUILD=MIRROR/node:24-slim --build-arg RUNTIME=MIRROR/node:24-alpine -t tsntlm .
ARG BUILD=node:24-slim
# Nothing is run in it and nothing of tsntlm is native code, so any image with a node 20.19 or newer in its PATH will do.
ARG RUNTIME=node:24-alpine

FROM ${BUILD} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts \
  && mkdir state command && ln -s /opt/tsntlm/bin/tsntlm.js command/tsntlm \
  && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -iname 'readme*' -o -iname 'changelog*' -o -path '*/test/*' \) -delete

FROM ${RUNTIME}
ENV NODE_ENV=production
WORKDIR /opt/tsntlm
COPY package.json ./
COPY bin bin
COPY conf/tsntlm.conf conf/tsntlm.conf
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
# For `docker exec tsntlm tsntlm status`.
COPY --from=build /build/command /usr/local/bin
# The lock-out guard's memory and the control socket: the one place that is written to, also where the root is read-only.
# Give the volume a name, so that a new container knows a password that was rejected.
COPY --from=build --chown=1000:1000 /build/state /var/lib/tsntlm
ENV STATE_DIRECTORY=/var/lib/tsntlm RUNTIME_DIRECTORY=/var/lib/tsntlm
VOLUME /var/lib/tsntlm
# The user "node" of the image, as numbers: some schedulers want to see that it is not root.
USER 1000:1000
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["node", "bin/tsntlm.js", "health"]
# See "Memory" in docs/management.md.
ENTRYPOINT ["node", "--initial-old-space-size=64", "bin/tsntlm.js"]
