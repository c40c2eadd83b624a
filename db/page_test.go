package db

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/paging"
	"github.com/headrace/headrace/internal/sqltext"
)

// The key of a cached page contains everything that the page depends on.
func TestPageKeys(t *testing.T) {
	text := sqltext.Analyze("SELECT id, name FROM cities")
	seen := make(map[string]int)
	secret := []byte("a secret of the service")
	for i, call := range []struct {
		keys  []Order
		sign  [][]byte
		at    Cursor
		limit int
	}{
		{[]Order{Asc("id")}, nil, "", 10},
		{[]Order{Asc("id")}, nil, "", 11},
		{[]Order{Asc("id")}, nil, "a", 10},
		{[]Order{Desc("id")}, nil, "", 10},
		{[]Order{Asc("id").NullsFirst()}, nil, "", 10},
		{[]Order{Asc("id").Nullable()}, nil, "", 10},
		{[]Order{Asc("name"), Asc("id")}, nil, "", 10},
		{[]Order{Asc("id")}, [][]byte{secret}, "", 10},
		{[]Order{Asc("id")}, [][]byte{secret[1:], secret}, "", 10},
	} {
		p, err := paging.New(text, Pager{Keys: call.keys}.order(nil))
		if err != nil {
			t.Fatal(err)
		}
		key := string(pageCall{p, call.sign, call.at, call.limit}.appendKey(nil))
		if other, taken := seen[key]; taken {
			t.Errorf("calls %d and %d have one key", other, i)
		}
		seen[key] = i
		if strings.Contains(key, string(secret)) {
			t.Error("the secret is in the key")
		}
	}
}
