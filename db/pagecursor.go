package db

import (
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/keyset"
)

// A pagePlace is where a page begins, and what its cursors are bound to.
type pagePlace struct {
	at    *keyset.Position // nil at the beginning; without values at the end
	scope keyset.Scope
	sign  [][]byte
	zones []int // of the times among the arguments; nil where all are UTC
	moved []int // arguments that are the cursor's only if the server is sent their instants
}

// open reads the call's cursor.
func (c pageCall) open(args []any) (pagePlace, error) {
	n, _ := specialArgs(args)
	bound := keyset.Binding{Bytes: make([]byte, 0, 64)}
	for i, arg := range args[n:] {
		if !bound.Add(arg) {
			return pagePlace{}, pageError(c.text, fmt.Errorf("a cursor cannot be bound to argument $%d, a %T", i+1, arg))
		}
	}
	place := pagePlace{scope: keyset.NewScope(c.text.ID, bound.Bytes, c.keys), sign: c.sign}
	if len(bound.Moved(nil)) > 0 {
		place.zones = bound.Zones
	}
	switch c.at {
	case "":
	case LastPage:
		place.at = &keyset.Position{Backward: true}
	default:
		at, err := keyset.Decode(string(c.at), place.scope, c.sign, len(c.keys))
		if err != nil {
			return pagePlace{}, ErrBadCursor
		}
		place.at, place.moved = at, bound.Moved(at.Zones)
	}
	return place, nil
}

func (p pagePlace) backward() bool { return p.at != nil && p.at.Backward }

// between tells whether the page begins at a row, not at either end.
func (p pagePlace) between() bool { return p.at != nil && len(p.at.Values) > 0 }

// around makes the cursors of a page that was read.
func (p pagePlace) around(r *pageRows) (next, prev Cursor, err error) {
	var on, back Cursor // in reading direction
	switch {
	case r.n == 0 && p.between():
		// Nothing is left there. The way back begins with the row at the place.
		turned := *p.at
		turned.Backward, turned.Inclusive, turned.Zones = !turned.Backward, !turned.Inclusive, p.zones
		back = p.seal(turned)
	case r.n > 0:
		if r.more {
			if on, err = p.beside(r, &r.last, r.tied(pageTies.last), p.backward()); err != nil {
				return "", "", err
			}
		}
		if p.between() {
			if back, err = p.beside(r, &r.first, r.tied(pageTies.first), !p.backward()); err != nil {
				return "", "", err
			}
		}
	}
	if p.backward() {
		return back, on, nil
	}
	return on, back, nil
}

func (p pagePlace) seal(at keyset.Position) Cursor {
	return Cursor(keyset.Encode(at, p.scope, p.sign))
}

// walkable is how many rows with the same leading keys a page walks through
// before it is cheaper to descend the index once more: that is three or four
// buffers, a row is one at most.
const walkable = 4

// tied is the largest number of leading keys that too many rows share with the
// page's row at one end, as far as the page shows it.
func (r *pageRows) tied(rows func(pageTies) int) int {
	for _, v := range slices.Backward(r.ties) {
		if n := rows(v); n > walkable || n == r.n {
			return v.keys
		}
	}
	return 0
}

func (t pageTies) first() int { return t.leading }
func (t pageTies) last() int  { return t.trailing }

// beside makes the cursor that leads on from a row.
func (p pagePlace) beside(r *pageRows, row *rowKeys, tied int, backward bool) (Cursor, error) {
	at := keyset.Position{Values: make([]keyset.Value, len(r.keys)), Backward: backward, Tied: tied, Compare: r.compared, Zones: p.zones}
	for i, column := range r.columns {
		at.Values[i].Type = column.oid
		if at.Values[i].Null = row.null(i); at.Values[i].Null {
			continue
		}
		text, ok := column.text(row.value(i))
		if !ok {
			return "", fmt.Errorf("key %q: its type (OID %d) has no text form known here", r.keys[i].Column, column.oid)
		}
		at.Values[i].Text = text
	}
	return p.seal(at), nil
}
