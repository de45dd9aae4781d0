# docker build -t tsntlm .
# docker build --build-arg BASE=YOUR_MIRROR/node:24-slim -t tsntlm .
ARG BASE=node:24-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM ${BASE} AS modules
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM ${BASE}
ENV NODE_ENV=production
# The lock-out guard's memory: give it a volume, so that a new container knows a password that was rejected.
ENV STATE_DIRECTORY=/var/lib/tsntlm
RUN install -d -m 0700 -o 1000 -g 1000 /var/lib/tsntlm
WORKDIR /opt/tsntlm
COPY package.json ./
COPY bin bin
COPY conf conf
COPY --from=modules /build/node_modules node_modules
COPY --from=build /build/dist dist
# The user "node" of the image, as numbers: some schedulers want to see that it is not root.
USER 1000:1000
ENTRYPOINT ["node", "bin/tsntlm.js"]
