#!/bin/bash
# One job of the batch gain, started in this folder as: bash job.sh SHARD
set -eu
shard=${1:?say which shard: bash job.sh 0}
inbox=. outbox=.
if [ -d shards ]; then inbox=shards outbox=out; fi
scratch=$(mktemp -d)
rm -f "$outbox/outcome_$shard.json"

finish() {
    status=$?
    trap - EXIT
    rm -rf "$scratch"  # first: it makes room on a full disk
    if [ ! -s "$outbox/outcome_$shard.json" ]; then
        cat > "$outbox/outcome_$shard.json" << END || true
{"shard": $shard, "count": 20, "plan": "", "kind": "hists", "status": "failed", "exit_status": $status, "host": "$(uname -n)",
 "reason": "the job ended before its work began: see its log"}
END
    elif [ "$status" -ne 0 ]; then
        sed -i 's/"status": "started"/"status": "killed"/; s/"exit_status": null/"exit_status": '"$status"'/' "$outbox/outcome_$shard.json" || true
    fi
    [ -e "$outbox/hists_$shard.h5" ] || : > "$outbox/hists_$shard.h5" || true
    exit "$status"
}
trap finish EXIT

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR="$scratch/numba"
export X509_USER_PROXY=$PWD/proxy.pem
tar -xzf code.tar.gz -C "$scratch"
export PYTHONPATH="$scratch${PYTHONPATH:+:$PYTHONPATH}"
python3 "$scratch/run_processor.py" gain.yaml --shard "$shard/20" --inbox "$inbox" --outbox "$outbox"
