#!/bin/bash
# What a GPU does, in one call: `bash benchmarks/gpu.sh PACKED [smoke] [steps] [cifar] [large]`, from the repository's root.
#
# PACKED is what `python benchmarks/pack.py cifar10_ltnet.zip PACKED` made. Without names all parts run, in this order, each
# with a limit of its own: a part that fails or takes too long does not stop the next. Tables are printed as they are made.
# DEVICE=cpu TINY=1 tries every part with tiny settings where there is no GPU.
set -u
packed=${1:?folder that benchmarks/pack.py made}
shift
parts=${*:-smoke steps cifar large}
device=${DEVICE:-cuda}
tiny=${TINY:-}
scratch=${SCRATCH:-$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" ltnet-gpu-XXXX)}
trap 'rm -rf "$scratch"' EXIT
export PYTHONUNBUFFERED=1 PYTHONPATH=$PWD:${PYTHONPATH:-}
began=$(date +%s)

say() { echo "== [$(($(date +%s) - began)) s] $*"; }
limited() { # SECONDS COMMAND…
    local limit=$1
    shift
    timeout -k 5 "$limit" "$@" 2>&1 || echo "!! status $? of: $*"
}

smoke() {
    limited 90 python3 -m pytest tests/test_gpu.py -q -x -rA -p no:cacheprovider -W default
}

steps() {
    if [ "$tiny" ]; then
        limited 120 python3 benchmarks/throughput.py --device "$device" --rows cnn:16:8 --seconds .05 --rounds 2 --choices
    else
        limited 130 python3 benchmarks/throughput.py --device "$device" --rounds 5 --seconds .25
        limited 45 python3 benchmarks/throughput.py --device "$device" --rounds 5 --seconds .2 --choices \
            --rows resnet20:32:128 resnet18:64:512 --precision bfloat16
    fi
}

timed_fit() { # NAME LIMIT STUDY FLAGS…: the whole command, files to truth.csv, and what came out
    local name=$1 limit=$2 study=$3 run=$scratch/run-$1 started ended
    shift 3
    started=$(date +%s.%N)
    limited "$limit" python3 -m ltnet_core fit "$study" --run "$run" --device "$device" --seed 0 "$@" > "$scratch/$name.log"
    ended=$(date +%s.%N)
    grep -E "^\[|^note|^!!|rror" "$scratch/$name.log"
    grep "  epoch" "$scratch/$name.log" | tail -n 3
    limited 60 python3 benchmarks/run_facts.py "$run"
    echo "$name: whole command $(echo "$ended $started" | awk '{printf "%.1f", $1 - $2}') s; $*"
    rm -rf "$run"
}

cifar() {
    local study=$scratch/cifar
    python3 benchmarks/pack.py --unpack "$packed" "$study"
    say "unpacked $(find "$study/images" -type f | wc -l) files"
    if [ "$tiny" ]; then
        timed_fit tiny 300 "$study" --preset quick --epochs 1 --no-comparisons --no-machine-coders
        return
    fi
    local common=(--network resnet18 --no-comparisons --no-machine-coders --weight-decay 5e-4)
    timed_fit resnet18-b512-lr0.2-18 110 "$study" "${common[@]}" --epochs 18 --batch-size 512 --lr 0.2
    timed_fit resnet18-b512-lr0.4-18 110 "$study" "${common[@]}" --epochs 18 --batch-size 512 --lr 0.4
}

large() {
    local study=$scratch/large
    if [ "$tiny" ]; then
        limited 60 python3 benchmarks/synthetic_jpegs.py "$study" --files 40 --drawn 10 --size 24
        timed_fit large 300 "$study" --method mixture --network cnn --epochs 1 --image-size 16 --batch-size 16
        return
    fi
    limited 45 python3 benchmarks/throughput.py --device "$device" --rounds 3 --seconds .4 --precision bfloat16 \
        --rows resnet50:112:128 resnet50:112:256
    limited 60 python3 benchmarks/synthetic_jpegs.py "$study" --files 20000 --drawn 2000 --size 112
    timed_fit resnet50-112 100 "$study" --method mixture --network resnet50 --epochs 1 --image-size 112 --batch-size 256
}

for part in $parts; do
    say "$part"
    "$part"
done
say "end"
