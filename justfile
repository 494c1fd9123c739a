# What a contributor runs, and what CI runs: .ci/run installs `just` and calls these recipes in its own order.
# `just --list` shows them; each is one or two plain commands that also work by hand.

# Crates that need neither the engine, nor DataFusion, nor an SDK: they build and test in a minute.
pure := "-p spotmill-core -p spotmill-cases -p spotmill-ec2 -p spotmill-ledger -p spotmill-report -p spotmill-spec -p spotmill-text -p spotmill-statemachine"
tools := "target/tools-venv/bin"

# What CI asks first, and answers within minutes: run it before every commit.
check: (fmt "--check") spelling walls docs dependencies mutations lint-core test-core

# Format the sources; `just fmt --check` only looks.
fmt *ARGS:
    cargo fmt --all {{ARGS}}

# Find misspelt words; those that tests write on purpose are in _typos.toml.
spelling:
    .ci/venv tools
    {{tools}}/typos

# Hold the crates to the walls between them (docs/architecture.md).
walls:
    .ci/walls --self-test
    .ci/walls
    .ci/circles --self-test
    .ci/circles

# Hold the pages to the tree: paths, tests, commands, links and anchors.
docs:
    .ci/docs --self-test
    .ci/docs
    .ci/venv tools
    {{tools}}/lychee --offline --include-fragments=anchor-only --no-progress '*.md' 'docs/**/*.md' '.github/**/*.md'

# Hold the locked dependencies to deny.toml.
dependencies:
    .ci/dependencies --self-test
    .ci/dependencies

# See that every planted fault (tests/mutations, tests/simulation) still has its place in the code.
mutations:
    python3 tests/mutations/run.py --check
    python3 tests/simulation/mutations.py --check

# Play the whole system under seeds (docs/semantics.md): such as `just simulate --seeds 2000 --from 1` or `just simulate --seed 18`.
simulate *ARGS:
    cargo run --release -p spotmill-simulation -- {{ARGS}}

# Lint the crates that need no engine. Clippy has a directory of its own: it shares nothing with a build, and neither waits
# for the other's lock.
lint-core:
    cargo clippy --target-dir target/lint {{pure}} --all-targets --locked -- -D warnings

# Test the crates that need no engine.
test-core:
    cargo test {{pure}} --locked

# Lint every crate.
lint:
    cargo clippy --target-dir target/lint --workspace --all-targets --locked -- -D warnings

# Lint and test one crate, such as `just test-crate spotmill-item`.
test-crate CRATE:
    cargo clippy --target-dir target/lint -p {{CRATE}} --all-targets --locked -- -D warnings
    cargo test -p {{CRATE}} --locked

# Open reports in a browser: sizes, times, telephones, the dark, paper, and what axe-core finds.
report-page *ARGS:
    cargo test --quiet {{pure}} --locked the_pages_can_be_inspected
    .ci/report-page {{ARGS}}

# Every test.
test:
    cargo test --workspace

# A real day of flights through the program.
main-job:
    cargo run -p spotmill -- -C examples/flights run --date 2013-01-01
    cargo run -q -p spotmill -- doctor 2>&1 | grep -q 'features aws'
    ! cargo build -p spotmill 2>&1 | grep '^warning'

# The tests against the emulator of AWS alone: the whole stack, twice, one test at a time in each.
emulator *ARGS:
    cargo test -p spotmill-tests --test aws {{ARGS}}

# Start the AWS on this machine, wait until it has run a day of flights, and end it.
local-aws:
    .ci/local-aws

# Lint the state machines' definitions.
state-machines:
    .ci/asl-lint

# Lint the stack's templates and scripts, and run user data against a stand-in for `aws`.
templates:
    .ci/infra

# Hold the template's policies to the calls that its roles make; with `--recorded FILE` to calls of the emulator's tests.
permissions *ARGS:
    .ci/permissions {{ARGS}}

# Hold the calls that launch fleets to AWS's own model of EC2.
ec2-model:
    .ci/ec2-model

# Pack what cargo built here, install it without Rust and without a network, and get to a result.
release:
    .ci/release

# Build and pack a release for both processors: hours on two cores.
packages:
    infra/release/build
