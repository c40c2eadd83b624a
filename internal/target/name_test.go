package target

import "testing"

func TestQuoteName(t *testing.T) {
	for name, want := range map[string]string{
		"cities":              `"cities"`,
		"Public.Cities":       `"public"."cities"`,
		`"Odd Name"`:          `"Odd Name"`,
		`"a.b"."c""d"`:        `"a.b"."c""d"`,
		`public."T"`:          `"public"."T"`,
		"größe":               `"größe"`,
		"":                    "",
		"a.":                  "",
		".a":                  "",
		"a.b.c":               "",
		"a b":                 "",
		`"a`:                  "",
		`"a"b`:                "",
		`""`:                  "",
		"a;DROP TABLE b":      "",
		`x"y`:                 "",
		"t(a)":                "",
		"a.\"b\"; DELETE":     "",
		"a\x00":               "",
		"public . cities":     "",
		`"public" . "cities"`: "",
	} {
		got, err := QuoteName(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", name, got, err, want)
		}
	}
}
