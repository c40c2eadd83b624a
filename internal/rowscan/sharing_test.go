package rowscan

import (
	"database/sql"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A set stores its values in an unexported field.
type set struct{ m map[string][]int }

func (s *set) Scan(any) error { return nil }

type lazy struct{ cache *map[string]int }

func (l *lazy) Scan(any) error { l.cache = &map[string]int{}; return nil }

type money struct {
	value *big.Int
	exp   int32
}

func (m *money) Scan(any) error { return nil }

func TestCloneCopiesWhatIsNotExported(t *testing.T) {
	type row struct {
		ID    int
		Tags  set
		Price money
	}
	d, err := New[row]()
	if err != nil {
		t.Fatal(err)
	}
	if field := d.Shares(); field != "" {
		t.Errorf("copies share %s", field)
	}
	kept, _ := d.Keep([]row{{1, set{map[string][]int{"a": {1}}}, money{big.NewInt(7), 0}}})
	c := d.Clone(kept)
	c[0].Tags.m["a"][0] = 2
	c[0].Tags.m["admin"] = nil
	c[0].Price.value.SetInt64(8)
	if k := kept[0]; len(k.Tags.m) != 1 || k.Tags.m["a"][0] != 1 || k.Price.value.Int64() != 7 {
		t.Errorf("the kept value is now %v, %v", k.Tags.m, k.Price.value)
	}
}

func TestShares(t *testing.T) {
	shares := func(what string, err error, got, want string) {
		if err != nil || !strings.HasSuffix(got, want) || got == "" != (want == "") {
			t.Errorf("%s: copies share %q, want %q (%v)", what, got, want, err)
		}
	}
	plain, err := New[struct {
		A time.Time
		B *time.Time
		C netip.Prefix
		D pgtype.Numeric
		E sql.Null[string]
		F []money
		G map[string]any
		H pgtype.Range[pgtype.Int4]
		I pgtype.Hstore
	}]()
	shares("plain", err, plain.Shares(), "")
	bad, err := New[struct {
		ID  int
		Bad []*lazy
	}]()
	shares("lazy", err, bad.Shares(), "lazy.cache")
	hidden, err := New[struct {
		Bad struct{ any any } `json:"bad"`
	}]()
	shares("interface", err, hidden.Shares(), ".any")
}
