# What people and .ci/run call. Each target is one line; what needs a server finds or starts one (integration/pgserver).
# soak takes hours: SOAK_TIME (1h) for each test that runs by the clock, and thousands of rounds (integration/internal/soak).
.PHONY: demo test bench bench-short fuzz soak consistency lint image

demo:        ; go run ./examples/quickstart
test:        ; .ci/test
bench:       ; go run ./integration/benchmarks/cmd/bench
bench-short: ; go run ./integration/benchmarks/cmd/bench -short
fuzz:        ; .ci/fuzz
soak:        ; .ci/test -p 1 -timeout 0 -tags soak ./integration/...
consistency: ; go run -tags mutants ./integration/cmd/consistency -duration $(or $(DURATION),60s) -runs $(or $(RUNS),10)
lint:        ; .ci/lint
image:       ; integration/image/build
