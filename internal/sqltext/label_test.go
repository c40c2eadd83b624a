package sqltext

import "testing"

func TestLabelHasNoConstants(t *testing.T) {
	for text, want := range map[string]string{
		"-- name: ByToken :one\nSELECT 'secret'": "ByToken",
		"SELECT a FROM t WHERE token = 'secret'": "select a from t where token = ?",
		"SELECT a, 'secret":                      "select a, …",
	} {
		if got := Analyze(text).Label(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
