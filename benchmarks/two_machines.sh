#!/bin/bash
# One run trained by two machines: two network namespaces with a cable between them. As root, from the repository's root:
# `bash benchmarks/two_machines.sh`. It trains a demo in one process, then on both machines by torchrun, where a process of
# the second one is killed, and prints how far the learned truths lie apart. It needs iproute2 and PyTorch's gloo.
set -eu
scratch=$(mktemp -d /tmp/ltnet-two-XXXX)
name=ltnet$$ # of the namespaces, ltnet…a and ltnet…b, and of the ends of the cable
cleanup() {
    for end in a b; do
        ip netns pids "$name$end" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
        ip netns del "$name$end" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap cleanup EXIT

ip netns add "${name}a"
ip netns add "${name}b"
ip link add "${name}a" netns "${name}a" type veth peer name "${name}b" netns "${name}b"
number=1
for end in a b; do
    ip -n "$name$end" addr add "10.77.0.$number/24" dev "$name$end"
    ip -n "$name$end" link set "$name$end" up
    ip -n "$name$end" link set lo up
    number=$((number + 1))
done

export OMP_NUM_THREADS=1 PYTHONPATH=$PWD:${PYTHONPATH:-} LTNET_CACHE=$scratch/cache
fit=(-m ltnet_core fit "$scratch/faces" --preset quick --epochs "${EPOCHS:-4}" --device cpu --seed 3 --batch-size 32
    --optimizer adamw --lr .001 --ltnet-lr .001)
python -m ltnet_core demo "$scratch/faces" --items "${ITEMS:-240}" --seed 1
python "${fit[@]}" --run "$scratch/one" >"$scratch/one.log"

machine() { # END NUMBER HOST, whether it is the endpoint: both machines bear the same name, and PyTorch cannot tell
    GLOO_SOCKET_IFNAME=$name$1 ip netns exec "$name$1" python -m torch.distributed.run --nnodes 2 --nproc-per-node 1 \
        --max-restarts 3 --rdzv-backend c10d --rdzv-endpoint 10.77.0.1:29577 --rdzv-id "$name" \
        --rdzv-conf "is_host=$3" --local-addr "10.77.0.$2" "${fit[@]}" --run-dir "$scratch/two" >"$scratch/$1.log" 2>&1
}
machine a 1 1 &
first=$!
machine b 2 0 &
second=$!
until grep -q '"event": "epoch"' "$scratch/two/events.jsonl" 2>/dev/null; do
    kill -0 $first || { cat "$scratch/a.log"; exit 1; }
    sleep .1
done
for pid in $(ip netns pids "${name}b"); do
    if tr '\0' '\n' <"/proc/$pid/environ" | grep -q '^RANK='; then
        echo "killing process $pid of the second machine"
        kill -9 "$pid"
        break
    fi
done
wait $first || { cat "$scratch/a.log"; exit 1; }
wait $second || { cat "$scratch/b.log"; exit 1; }

python - "$scratch/one" "$scratch/two" <<'END'
import sys

from ltnet_core.export.finished_run import load_truth
from ltnet_core.runs.run import Run

runs = [Run.open(folder) for folder in sys.argv[1:]]
one, two = map(load_truth, runs)
p = [c for c in one if c.startswith("p_")]
starts = [(e["resumed"], e["processes"]) for e in runs[1].events() if e["event"] == "start"]
print("starts (resumed, processes):", starts)
print(f"{len(one)} images: largest difference of p {abs(one[p] - two[p]).to_numpy().max():.1e}, "
      f"same learned truth {(one['learned_truth'] == two['learned_truth']).mean():.1%}")
END
