# What people and .ci/run call. What needs a server finds or starts one (integration/pgserver).
.PHONY: help demo observed processes test bench bench-short fuzz soak consistency lint image

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:/ { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## a table of 135,233 cities, loaded and read
	go run ./examples/quickstart

observed: ## a slow service under load, and the page that says why; MEND=leak,pool mends faults
	go run ./examples/observed -load -mend "$(MEND)"

processes: ## three processes that share a cache in Redis, without it for a while, and what they see
	go run ./examples/processes

test: ## all tests, under the race detector
	.ci/test

bench: ## the figures of BENCHMARKS.md, beside other libraries: about an hour
	go run ./integration/benchmarks/cmd/bench

bench-short: ## the same with less data
	go run ./integration/benchmarks/cmd/bench -short

fuzz: ## every fuzz target for FUZZTIME (10s, or a count as 20000x)
	.ci/fuzz

soak: ## tests that take hours: SOAK_TIME (1h) each, and thousands of rounds
	.ci/test -p 1 -timeout 0 -tags soak ./integration/...

consistency: ## what caches promise, for DURATION (60s), and each rule broken in RUNS (10) runs
	go run ./integration/cmd/consistency -duration $(or $(DURATION),60s) -runs $(or $(RUNS),10)

lint: ## golangci-lint on every module
	.ci/lint

image: ## PostgreSQL for tests in containers, built without a registry
	integration/image/build
