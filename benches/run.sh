#!/usr/bin/env bash
# Every figure of docs/benchmarks.md, on this machine. Optimised build; takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "# machine: $(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2-), load $(cut -d' ' -f1 /proc/loadavg)"
echo "# commit: $(git rev-parse --short HEAD)"
echo
echo "## single-row acknowledged writes"
cargo bench --quiet --package mlwright-ledger --profile bench-fast --bench single_row_writes
echo
echo "## server"
cargo build --quiet --package mlwright --profile bench-fast
python3 benches/server.py "${CARGO_TARGET_DIR:-target}/bench-fast/mlwright"
