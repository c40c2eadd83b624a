package batchinsert_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
)

// A composite is a value of type span, and a single one of type alone.
type (
	composite struct {
		Length pgtype.Interval
		Share  *pgtype.Numeric
	}
	single struct{ N *int32 }
)

func share(text string) *pgtype.Numeric {
	var n pgtype.Numeric
	if err := n.Scan(text); err != nil {
		panic(err)
	}
	return &n
}

// Values that the connection has a binary form for because their types are
// registered.
var compositeCases = []typeCase{
	column("span", composite{}, composite{Length: pgtype.Interval{Months: -13, Days: 2, Microseconds: 1, Valid: true}, Share: share("1.50")}),
	column("span", ptr(composite{}), nil, ptr(composite{Share: share("1")})),
	column("span[]", []composite{{}, {Share: share("1")}}, nil, []composite{}),
	column("alone", single{ptr[int32](1)}, single{}),
	column("alone", nil, ptr(single{}), ptr(single{ptr[int32](1)})),
	column("spanned", composite{Share: share("1.50")}),
	column("spanned", nil, ptr(composite{Share: share("1.50")})),
	column("nested", struct {
		Single single
		Spans  []composite
	}{single{ptr[int32](1)}, []composite{{Share: share("2")}}}),
}

var registeredTypes = []string{"citext", "mood", "span", "spans", "alone", "nested", "positive", "code", "ints", "moods", "spanned"}

// isRegistered reports whether a case is about a registered type, or an array
// of it.
func isRegistered(name string) bool {
	_, typ, _ := strings.Cut(name, " into ")
	return slices.Contains(registeredTypes, strings.TrimSuffix(typ, "[]"))
}

func TestEveryWayWritesTheSameValuesOfRegisteredTypes(t *testing.T) {
	t.Parallel()
	registered := withRegisteredTypes(t, "")
	for _, c := range slices.Concat(compositeCases, typeCases) {
		if soak.On || isRegistered(c.sql) {
			c.run(t, registered)
		}
	}
}

// Settings of the session change how the server reads text, and how it writes
// the values that the test compares.
func TestEveryWayWritesTheSameValuesUnderOtherSettings(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{
		"intervalstyle=sql_standard&datestyle=SQL,DMY&bytea_output=escape&extra_float_digits=-15",
		"intervalstyle=iso_8601&datestyle=German&lc_monetary=C&xmloption=document&timezone=Asia/Kathmandu",
		"intervalstyle=postgres_verbose&datestyle=Postgres,MDY&backslash_quote=off&transform_null_equals=on",
	} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			registered := withRegisteredTypes(t, settings)
			for _, c := range slices.Concat(compositeCases, intervalCases, typeCases) {
				if (soak.On || hasSettings(c.sql)) && !dependsOnSettings(c.sql) {
					c.run(t, registered)
				}
			}
		})
	}
}

// hasSettings reports whether a setting may change the text of a type's values:
// how they are read, where a form of them is text, and how they are compared.
func hasSettings(name string) bool {
	_, typ, _ := strings.Cut(name, " into ")
	return slices.ContainsFunc([]string{
		"interval", "span", "alone", "nested", "date", "time", "ts", "bytea", "real", "double", "point", "box", "circle", "line", "lseg", "path", "polygon", "money", "xml",
	}, func(s string) bool { return strings.HasPrefix(typ, s) })
}

// dependsOnSettings reports whether the text that a case gives the server does
// not mean the same under all settings.
func dependsOnSettings(name string) bool {
	return slices.ContainsFunc([]string{"string into interval", "string into span", "string into xml"}, func(s string) bool { return strings.HasPrefix(name, s) })
}

var intervalCases = []typeCase{
	column("interval", pgtype.Interval{Months: -13, Days: 2, Microseconds: 1, Valid: true}, pgtype.Interval{Days: -1, Microseconds: 1, Valid: true},
		pgtype.Interval{Months: 1, Days: -1, Microseconds: -1, Valid: true}, pgtype.Interval{Valid: true}),
	column("interval[]", []pgtype.Interval{{Months: -13, Days: 2, Microseconds: 1, Valid: true}, {}}, nil),
	column("interval[]", []time.Duration{-26 * time.Hour, time.Microsecond}),
	column("spans", pgtype.Range[pgtype.Interval]{
		Lower: pgtype.Interval{Months: -13, Days: 2, Valid: true}, Upper: pgtype.Interval{Months: -1, Days: 2, Valid: true},
		LowerType: pgtype.Inclusive, UpperType: pgtype.Exclusive, Valid: true,
	}),
	column("span[]", []composite{{Length: pgtype.Interval{Months: -13, Days: 2, Microseconds: 1, Valid: true}}}),
}

// withRegisteredTypes is withTypes, with the types registered and with settings
// in the connection string.
func withRegisteredTypes(t *testing.T, settings string) *db.DB {
	t.Helper()
	at, err := url.Parse(withTypes(t).Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	at.RawQuery = strings.Trim(at.RawQuery+"&"+settings, "&")
	registered, err := db.Open(t.Context(), at.String(), &db.Options{Types: registeredTypes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registered.Close)
	return registered
}
