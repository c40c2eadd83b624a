package db_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
)

// Check trusts only constraints that all rows fulfill.
func TestCheckOfConstraints(t *testing.T) {
	t.Parallel()
	pg := open(t, nil,
		"CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
		"CREATE DOMAIN present AS int CHECK (VALUE IS NOT NULL)",
		"CREATE TABLE parents (id int PRIMARY KEY, name text NOT NULL)",
		"CREATE TABLE children (id int PRIMARY KEY, checked int CHECK (checked IS NOT NULL), unchecked int, positive positive, present present, "+
			"parent int NOT NULL REFERENCES parents, late int NOT NULL REFERENCES parents DEFERRABLE, loose int NOT NULL)",
		"ALTER TABLE children ADD CHECK (unchecked IS NOT NULL) NOT VALID",
		"ALTER TABLE children ADD FOREIGN KEY (loose) REFERENCES parents NOT VALID",
	)
	type one struct{ V int }
	type name struct{ V string }
	for _, c := range []struct {
		sql      string
		reported bool
	}{
		{"SELECT checked AS v FROM children", false},
		{"SELECT unchecked AS v FROM children", true},
		{"SELECT positive AS v FROM children", true},
		{"SELECT present AS v FROM children", false},
		{"SELECT p.name AS v FROM children c LEFT JOIN parents p ON p.id = c.parent", false},
		{"SELECT p.name AS v FROM children c LEFT JOIN parents p ON p.id = c.late", true},
		{"SELECT p.name AS v FROM children c LEFT JOIN parents p ON p.id = c.loose", true},
	} {
		var stmt db.Compiled = db.MustCompile[one](c.sql)
		if strings.Contains(c.sql, "name") {
			stmt = db.MustCompile[name](c.sql)
		}
		if err := pg.Check(t.Context(), stmt); (err != nil) != c.reported {
			t.Errorf("%s: %v", c.sql, err)
		}
	}
}
