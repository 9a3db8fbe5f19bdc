# Builds parley with everything it needs beside it, and a small image to run it.
FROM golang:1.26-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm make && rm -rf /var/lib/apt/lists/*
# Debian 12 ships Node 18; the web build needs 20 or newer.
COPY --from=node:22-bookworm-slim /usr/local /usr/local
ENV PATH=/usr/local/bin:/usr/local/go/bin:$PATH
WORKDIR /src
COPY . .
RUN make build

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home /var/lib/parley --create-home parley
COPY --from=build /src/bin /opt/parley
USER parley
WORKDIR /var/lib/parley
ENV PARLEY_LISTEN=0.0.0.0:8080 PARLEY_DATA=/var/lib/parley/data
EXPOSE 8080/tcp 8443/udp 8443/tcp
ENTRYPOINT ["/opt/parley/parley"]
CMD ["serve"]
