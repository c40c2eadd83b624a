package sqltext

import (
	"errors"
	"testing"
)

func TestPlaceholders(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"SELECT 1", "SELECT 1"},
		{"a = ? AND b IN (?,?)", "a = $1 AND b IN ($2,$3)"},
		{"a=? AND b<>? AND c=-?", "a=$1 AND b<>$2 AND c=-$3"},
		{`'?' "?" U&"?" E'\'?' $$ ? $$ /* ? */ ? -- ?`, `'?' "?" U&"?" E'\'?' $$ ? $$ /* ? */ $1 -- ?`},
		{"'a'\n'?' ?", "'a'\n'?' $1"},
		{"data ?? 'k' AND data ??| ? AND data ??& ?", "data ? 'k' AND data ?| $1 AND data ?& $2"},
		{"a @?? ?", "a @? $1"},
		{"a ??? b", "a ?$1 b"},
		{"a=?AND b LIMIT? OFFSET ?", "a=$1 AND b LIMIT $2 OFFSET $3"},
		{"?::int, ?+1, f(?)", "$1::int, $2+1, f($3)"},
		{"?--x\n?/*?*/", "$1--x\n$2/*?*/"},
		{"?,?,?,?,?,?,?,?,?,?,?", "$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11"},
	} {
		got, err := Placeholders(test.text)
		if err != nil || got != test.want {
			t.Errorf("%s\n got %s, %v\nwant %s", test.text, got, err, test.want)
		}
	}
}

func TestPlaceholdersRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a = ? AND\nb = $1": "number placeholders: line 2, column 5: parameter $1 has a number already",
		"$1":                "number placeholders: line 1, column 1: parameter $1 has a number already",
		"a = ? AND 'b":      "number placeholders: line 1, column 11: unterminated quoted string",
	} {
		_, err := Placeholders(text)
		var lexError *Error
		if err == nil || err.Error() != want || !errors.As(err, &lexError) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
