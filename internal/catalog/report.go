package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// finish puts what was found into the effects.
func (w *walk) finish(ctx context.Context) error {
	e := w.effects
	if w.constants && namesTime(w.text) {
		w.refuse(TimeConstant, "")
	}
	e.Reads = w.relationList(w.reads)
	e.Views = w.relationList(w.views())
	e.Writes = w.relationList(w.writes)
	e.Settings = w.settings.names()
	if len(e.Writes) > 0 || !e.WritesKnown {
		e.ReadOnly = false
	}
	e.Refusals = slices.SortedFunc(maps.Keys(w.refused), func(a, b Refusal) int {
		return cmp.Or(-cmp.Compare(a.Reason, b.Reason), strings.Compare(a.Object, b.Object))
	})
	e.Cacheable = len(e.Refusals) == 0 && e.ReadsKnown
	e.Dependencies = w.dependencies()
	if err := w.nameColumns(ctx); err != nil {
		return err
	}
	version, err := fingerprint(ctx, w.conn, e.Dependencies)
	e.Version = version
	return err
}

func (w *walk) relationList(oids map[uint32]bool) []Relation {
	list := make([]Relation, 0, len(oids))
	for oid := range oids {
		list = append(list, w.relations[oid].Relation)
	}
	slices.SortFunc(list, func(a, b Relation) int {
		return cmp.Or(strings.Compare(a.Schema, b.Schema), strings.Compare(a.Name, b.Name), cmp.Compare(a.OID, b.OID))
	})
	return list
}

// views returns the views that somebody made.
func (w *walk) views() map[uint32]bool {
	views := map[uint32]bool{}
	for oid, f := range w.relations {
		if f.Kind == View && oid >= firstNormalOID {
			views[oid] = true
		}
	}
	return views
}

func (w *walk) dependencies() Dependencies {
	d := Dependencies{Functions: slices.Sorted(maps.Keys(w.routines.functions))}
	for oid := range w.relations {
		if oid >= firstNormalOID {
			d.Relations = append(d.Relations, oid)
		}
	}
	slices.Sort(d.Relations)
	return d
}

const columnQuery = `
SELECT attrelid, attnum, attname FROM pg_attribute
WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped
ORDER BY attrelid, attnum`

// nameColumns looks up the names of the columns that are read.
func (w *walk) nameColumns(ctx context.Context) error {
	var oids []uint32
	for use := range w.columns {
		if f := w.relations[use.relation]; f == nil || use.relation < firstNormalOID {
			continue
		}
		if use.number == 0 {
			w.effects.Columns = append(w.effects.Columns, Column{Relation: w.relations[use.relation].Relation})
		}
		if !slices.Contains(oids, use.relation) {
			oids = append(oids, use.relation)
		}
	}
	if len(oids) == 0 {
		return nil
	}
	rows, err := query(ctx, w.conn, columnQuery, oidArray(oids))
	if err != nil {
		return fmt.Errorf("look up columns: %w", err)
	}
	for _, row := range rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return err
		}
		number := value{word: string(row[1])}.number()
		if w.columns[columnUse{oid, number}] {
			w.effects.Columns = append(w.effects.Columns, Column{w.relations[oid].Relation, string(row[2])})
		}
	}
	return nil
}
