# shellcheck shell=bash
# shellcheck disable=SC2154  # $work is set by test-images
# Counts and prints what was checked: one line a check, the log of a check that failed.

passed=0
failed=0

# check SENTENCE COMMAND... : the sentence must be true; returns what the command returned.
check() {
    local sentence=$1 began=$SECONDS status=0
    shift
    "$@" >"$work/check.log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        printf 'ok    %s (%d s)\n' "$sentence" $((SECONDS - began))
    else
        failed=$((failed + 1))
        printf 'FAIL  %s (%d s, exit code %d)\n' "$sentence" $((SECONDS - began)) "$status"
        tail -n 40 "$work/check.log" | sed 's/^/      | /'
    fi
    return "$status"
}

# within SECONDS COMMAND... : tries once a second until the command succeeds or the time is up.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 1
    done
}

say() { printf -- '----  %s\n' "$*"; }

summary() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
}
