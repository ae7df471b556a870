FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake g++ pkg-config zlib1g-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates zlib1g && rm -rf /var/lib/apt/lists/* \
  && useradd --system --create-home --home-dir /var/lib/unsaid unsaid
COPY --from=build /src/target/release/unsaid /usr/local/bin/unsaid
USER unsaid
WORKDIR /var/lib/unsaid
ENTRYPOINT ["unsaid"]
CMD ["serve", "--config", "/etc/unsaid/unsaid.toml"]
