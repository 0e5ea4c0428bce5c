# Shortcuts for developers; `just` alone lists them. Nothing else needs just.

default:
    @just --list

# Everything that continuous integration runs.
ci:
    .ci/run

# Tests of the whole workspace.
test:
    cargo test --workspace

# Formatting and lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Runs one scenario on real processes: `just run first-hop`.
run NAME *OPTIONS:
    cargo run --release -- run {{NAME}} {{OPTIONS}}

# Writes changed snapshot files and the published schema, and shows them as a diff to read. Inline snapshots need `cargo insta review`.
snapshots:
    INSTA_UPDATE=always HALLWAY_UPDATE=1 cargo test --workspace
    git diff -- '*.rs' '*.snap' scenarios/schema.json
