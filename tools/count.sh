# Sourced: adds up the `N passed, N failed` of several commands.
passed=0 failed=0
# count COMMAND…: runs it, shows what it says, adds its figures; one that says none has failed.
count() {
    local said p="" f=""
    said=$(mktemp)
    "$@" 2>&1 | tee "$said"
    read -r p _ f _ <<<"$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$said" | tail -n 1)" || true
    rm -f "$said"
    [ -n "$p" ] || { p=0 f=1; }
    passed=$((passed + p)) failed=$((failed + f))
}
# The closing line; the status is that of the whole.
counted() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ] && [ $passed -gt 0 ]
}
