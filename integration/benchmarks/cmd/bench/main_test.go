package main

import "testing"

func TestParse(t *testing.T) {
	for _, bad := range [][]string{
		{"-only", "nothing"}, {"-work", "("}, {"extra"}, {"-unknown"},
		{"-readme", "README.md"}, {"-from", "results.jsonl"}, {"-short", "-save", "results.jsonl"},
		{"-from", "results.jsonl", "-save", "results.jsonl", "-readme", "README.md"},
	} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	if err := run(t.Context(), []string{"-h"}); err != nil {
		t.Errorf("error %v", err)
	}
}
