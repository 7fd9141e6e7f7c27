#!/bin/bash
# What a GPU does, in one call: `bash benchmarks/gpu.sh STUDIES [smoke] [steps] [beside] [cifar] [decode] [large] [files]
# [paper] [lists] [faces]`, from the repository's root.
#
# STUDIES is a folder with cifar10_ltnet.tar.gz and, for faces, fer_study.tar.gz, which benchmarks/pack.py makes of the zips.
# Without names the first seven parts run, in this order, each with a limit of its own: a part that fails or takes too long
# does not stop the next. Parts joined by a plus, such as paper+lists+faces, run at once. Tables are printed as they are
# made. SECONDS_IN_ALL=330 is when everything ends. SCRATCH=FOLDER keeps what was unpacked and decoded for another call.
# DEVICE=cpu TINY=1 tries every part with tiny settings without a GPU.
set -u
studies=${1:?folder of studies that benchmarks/pack.py made}
shift
parts=${*:-smoke steps beside cifar decode large files}
device=${DEVICE:-cuda}
tiny=${TINY:-}
in_all=${SECONDS_IN_ALL:-420}
scratch=${SCRATCH:-$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" ltnet-gpu-XXXX)}
mkdir -p "$scratch"
trap 'shared_no_more; [ "${SCRATCH:-}" ] || rm -rf "$scratch"' EXIT
# Its own cache: the first run of `cifar` decodes all files.
export PYTHONUNBUFFERED=1 PYTHONPATH=$PWD:${PYTHONPATH:-} LTNET_CACHE=$scratch/cache
began=$(date +%s)

say() { echo "== [$(($(date +%s) - began)) s] $*"; }
limited() { # SECONDS COMMAND…
    local limit=$1 left=$((in_all - $(date +%s) + began))
    shift
    if [ "$left" -lt 5 ]; then
        echo "!! no time left for: $*"
        return
    fi
    timeout -k 5 "$((limit < left ? limit : left))" "$@" 2>&1 || echo "!! status $? of: $*"
}

# Many runs on one card take turns on it, unless NVIDIA's Multi-Process Service lets their kernels run at the same time.
shared() {
    if [ "$device" = cuda ] && command -v nvidia-cuda-mps-control > /dev/null; then
        export CUDA_MPS_PIPE_DIRECTORY=$scratch/mps CUDA_MPS_LOG_DIRECTORY=$scratch/mps
        mkdir -p "$scratch/mps"
        if nvidia-cuda-mps-control -d; then
            say "runs share the card through MPS"
            return
        fi
        unset CUDA_MPS_PIPE_DIRECTORY CUDA_MPS_LOG_DIRECTORY
    fi
    say "runs take turns on the card: there is no MPS"
}
shared_no_more() {
    [ -z "${CUDA_MPS_PIPE_DIRECTORY:-}" ] || echo quit | nvidia-cuda-mps-control
}

smoke() {
    limited 200 python3 -m pytest tests/test_gpu.py -q -x -rA -p no:cacheprovider -W default
}

steps() {
    if [ "$tiny" ]; then
        limited 120 python3 benchmarks/throughput.py --device "$device" --rows cnn:16:8 --seconds .05 --rounds 2 --choices
        return
    fi
    limited 100 python3 benchmarks/throughput.py --device "$device" --rounds 5 --seconds .25 \
        --rows resnet20:32:128 resnet20:32:1024 resnet18:64:128 resnet18:64:512
}

beside() {
    if [ "$tiny" ]; then
        limited 60 python3 benchmarks/side_by_side.py --device "$device" --rows cnn:12:8:2 --items 40 --epochs 1
        return
    fi
    limited 60 python3 benchmarks/side_by_side.py --device "$device"
}

unpacked() { # NAME: the folder of a study in the variable study
    study=$scratch/$1
    if [ ! -d "$study" ]; then
        mkdir "$study"
        tar -xzf "$studies/$1.tar.gz" -C "$study"
        say "unpacked $(find "$study/images" -type f | wc -l) files"
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
    limited 30 python3 benchmarks/run_facts.py "$run" "$started" "$ended"
    echo "$name: whole command $(echo "$ended $started" | awk '{printf "%.1f", $1 - $2}') s; $*"
    rm -rf "$run"
}

cifar() {
    unpacked cifar10_ltnet
    if [ "$tiny" ]; then
        timed_fit tiny 300 "$study" --preset quick --epochs 1 --no-comparisons --no-machine-coders
        return
    fi
    # Over so short a schedule 1e-3 decays the weights as much as 5e-4 over a long one.
    local one batch epochs rate
    for one in ${CIFAR:-256:30:0.1 256:32:0.15}; do
        IFS=: read -r batch epochs rate <<< "$one"
        timed_fit "batch-$batch" 75 "$study" --network resnet18 --no-comparisons --no-machine-coders --weight-decay 1e-3 \
            --epochs "$epochs" --batch-size "$batch" --lr "$rate"
    done
}

decode() {
    unpacked cifar10_ltnet
    limited 40 python3 benchmarks/decoding.py "$study" --size 32 --repeats 3 --only pixels
}

large() {
    if [ "$tiny" ]; then
        limited 60 python3 benchmarks/throughput.py --device "$device" --rows cnn:24:8 --seconds .05 --rounds 2
        return
    fi
    limited 40 python3 benchmarks/throughput.py --device "$device" --rounds 3 --seconds .4 --precision bfloat16 \
        --rows resnet50:112:128 resnet50:112:256
}

files() {
    local study=$scratch/large
    if [ "$tiny" ]; then
        limited 60 python3 benchmarks/synthetic_jpegs.py "$study" --files 40 --drawn 10 --size 24
        timed_fit large 300 "$study" --method mixture --network cnn --epochs 1 --image-size 16 --batch-size 16
        return
    fi
    limited 60 python3 benchmarks/synthetic_jpegs.py "$study" --files 100000 --drawn 2000 --size 112
    timed_fit resnet50-112 100 "$study" --method mixture --network resnet50 --epochs 1 --image-size 112 --batch-size 256
}

paper() {
    unpacked cifar10_ltnet
    local began flags=(--seeds 0 1 2 --jobs "${JOBS:-8}")
    if [ "$tiny" ]; then
        flags=(--images 40 --epochs 1 --preset quick --only mixture ours --jobs 2)
    fi
    began=$(date +%s)
    limited 590 python3 benchmarks/paper_cifar.py "$study" --out "$scratch/paper" --device "$device" "${flags[@]}" |
        grep -v "^|" # the table comes below, whether all of it is there or not
    echo "paper: the whole table in $(($(date +%s) - began)) s"
    python3 benchmarks/paper_cifar.py "$study" --out "$scratch/paper" --table "${flags[@]}"
}

lists() {
    unpacked cifar10_ltnet
    local flags=(--images 12500 --epochs 20 --seeds 0 1 2 --jobs 3 --only ours)
    if [ "$tiny" ]; then
        flags=(--images 40 --epochs 1 --preset quick --only ours)
    fi
    limited 200 python3 benchmarks/paper_cifar.py "$study" --out "$scratch/lists" --device "$device" "${flags[@]}"
}

faces() {
    unpacked fer_study
    local flags=(--jobs "${FACES_JOBS:-12}")
    if [ "$tiny" ]; then
        flags=(--networks cnn --epochs 1 --batches 512 --jobs 2)
    fi
    limited 400 python3 benchmarks/grid.py "$study" --out "$scratch/faces" "${flags[@]}" --flags "device=$device"
}

for part in $parts; do
    say "$part"
    if [[ $part != *+* ]]; then
        "$part"
        continue
    fi
    at_once=${part//+/ }
    unpacked cifar10_ltnet # which several of them would unpack into each other
    shared
    for one in $at_once; do
        "$one" > "$scratch/$one.out" 2>&1 &
    done
    wait $(jobs -p)
    for one in $at_once; do
        say "of $one"
        cat "$scratch/$one.out"
    done
done
say "end"
