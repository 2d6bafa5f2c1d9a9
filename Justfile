# Everything a developer, CI or a newcomer runs. `.ci/just` installs just itself and the tools.

filter := "target/wasm32-unknown-unknown/release/trustplane_filter.wasm"
suite := ".ci/suite"
sudo := if `id -u` == "0" { "" } else { "sudo " }
bindgen := env("TRUSTPLANE_TOOLS", env("HOME") / ".cache/trustplane") / "wasm-bindgen"

_default:
    @just --list --unsorted

# The main job: requests through the filter in a real Envoy, one row a case.
demo *flags: build _redis
    target/release/trustplane demo --filter {{ filter }} {{ flags }}

# A local Envoy with the filter, an echo upstream, fresh keys and bundles; Ctrl-C stops it.
up *flags: build
    target/release/trustplane up --filter {{ filter }} {{ flags }}

# Every test.
test: test-core test-crates test-wasm test-host test-envoy test-adapter test-sdk test-bundles test-replay test-spire

# The shipped artefact.
build-filter:
    cargo build --locked --release --package trustplane-filter --target wasm32-unknown-unknown

build: build-filter
    cargo build --locked --release --package trustplane --package trustplane-broker

# The core: unit tests, vectors, all cases natively, and the proof that it needs no std.
test-core:
    cargo build --locked --package trustplane-core --target x86_64-unknown-none
    {{ suite }} core cargo test --locked --package trustplane-core

# Filter, broker and command line, as crates.
test-crates: build _redis
    {{ suite }} crates cargo test --locked --package trustplane-filter --package trustplane-broker --package trustplane

# The core compiled for aarch64, emulated: signature vectors and the same cases, for equal answers and no figures.
test-aarch64: _aarch64
    {{ suite }} aarch64 .ci/aarch64

# The core compiled to wasm, on Node: the same cases.
test-wasm: _node _bindgen
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER={{ bindgen }}/bin/wasm-bindgen-test-runner \
        {{ suite }} wasm cargo test --locked --package trustplane-wasm-tests --target wasm32-unknown-unknown --test wasm

# The built filter in an in-process proxy-wasm host: the same cases, imports, size, faults.
test-host: build-filter
    {{ suite }} host cargo test --locked --package trustplane-wasm-tests --lib --test core --test host --test artefact

# The built filter in a real Envoy: the same cases.
test-envoy: build
    {{ suite }} envoy cargo test --locked --package trustplane-wasm-tests --test envoy

# All cases against the adapter and the tower layer, then the adapter under load for a minute.
test-adapter: build _redis
    {{ suite }} adapter cargo test --locked --package trustplane-wasm-tests --test adapter

# The official SDK as the caller, through a real Envoy; the demo matrix.
test-sdk: build _redis
    {{ suite }} sdk cargo test --locked --package trustplane-wasm-tests --test sdk --test demo

# Bundles that change under two real Envoys while requests flow; prints how soon they are in force.
test-bundles: build
    {{ suite }} bundles cargo test --locked --package trustplane-wasm-tests --test bundles -- --nocapture --test-threads 1

# Exactly one of many, through real Envoys, a real Redis and their faults: prints every number, in about ten minutes.
test-replay *flags: build _redis
    {{ suite }} replay cargo test --locked --release --package trustplane-wasm-tests --test replay -- {{ flags }}

# A broker that vouches for workloads, with a real SPIRE, through a real Envoy: prints every number, in about a minute.
test-spire *flags: build _spire
    TRUSTPLANE_SPIRE="$(.ci/spire)" {{ suite }} spire cargo test --locked --package trustplane-wasm-tests --test spire -- {{ flags }}

# The cases' committed form is what the official SDK and an independent crypto library give.
cases-check:
    "$TRUSTPLANE_PYTHON" wasm-tests/cases/materialise.py --check

# What authorising a request costs, ours beside Envoy's own filters: one table from one run, about three minutes.
bench *flags: build _redis
    cargo bench --locked --package trustplane-wasm-tests --bench envoy -- {{ flags }}

# What grows with bundles, callers and live passports, and that a decision hardly does, natively and in a real Envoy: in about four minutes.
bench-scale *flags: build-filter
    cargo bench --locked --package trustplane-wasm-tests --bench scale -- {{ flags }}

# What each step of a decision costs: time and allocations natively, one signature beside ring and aws-lc-rs, then time in wasm on Node.
bench-core: _node _bindgen
    cargo bench --locked --package trustplane-wasm-tests --features peers --bench steps
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER={{ bindgen }}/bin/wasm-bindgen-test-runner \
        cargo test --locked --release --package trustplane-wasm-tests --target wasm32-unknown-unknown --test steps

# Instructions and allocations of one decision, held against the committed ones; `--renew` commits to new ones.
instructions *flags: _valgrind
    cargo bench --locked --package trustplane-wasm-tests --bench steps -- instructions {{ flags }}

# What issuing a passport costs on one core, beside two signatures alone and a bare echo over the same socket.
bench-broker:
    cargo bench --locked --package trustplane-broker --bench issue

fmt:
    cargo fmt --all

lint:
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- --deny warnings
    cargo clippy --locked --package trustplane-filter --target wasm32-unknown-unknown -- --deny warnings

_redis:
    @command -v redis-server >/dev/null || { {{ sudo }}apt-get update -qq && {{ sudo }}apt-get install -y -qq redis-server; }

_aarch64:
    @command -v qemu-aarch64 >/dev/null && command -v aarch64-linux-gnu-gcc >/dev/null || { {{ sudo }}apt-get update -qq && \
        {{ sudo }}apt-get install -y -qq --no-install-recommends qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross; }
    @[ -d "$(rustc --print sysroot)/lib/rustlib/aarch64-unknown-linux-gnu" ] || rustup target add aarch64-unknown-linux-gnu

# The first time, a Go build of several minutes.
_spire:
    @.ci/spire >/dev/null

_valgrind:
    @command -v valgrind >/dev/null || { {{ sudo }}apt-get update -qq && {{ sudo }}apt-get install -y -qq valgrind; }

_node:
    @command -v node >/dev/null || { {{ sudo }}apt-get update -qq && {{ sudo }}apt-get install -y -qq nodejs; }

# The test runner must have the very version of the library that the lock file names.
_bindgen:
    #!/usr/bin/env bash
    set -euo pipefail
    version=$(cargo metadata --locked --format-version 1 | "${TRUSTPLANE_PYTHON:-python3}" -c \
        'import json, sys; print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "wasm-bindgen"))')
    if [ "$({{ bindgen }}/bin/wasm-bindgen-test-runner --version 2>/dev/null)" != "wasm-bindgen-test-runner $version" ]; then
        cargo install --quiet --root {{ bindgen }} --version "$version" wasm-bindgen-cli
    fi
