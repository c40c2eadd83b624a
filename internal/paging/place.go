package paging

import (
	"errors"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/keyset"
)

// A Place is where a page begins, and what its cursors are bound to.
type Place struct {
	At    *keyset.Position // nil at the beginning; without values at the end
	Moved []int            // arguments that are the cursor's only if the server is sent their instants

	scope keyset.Scope
	sign  [][]byte
	zones []int // of the times among the arguments; nil where all are UTC
}

// ErrBadCursor is db.ErrBadCursor.
var ErrBadCursor = errors.New("db: bad cursor")

// LastPage is the cursor that stands for the end.
const LastPage = "last"

// Open reads a cursor, which is bound to the statement and its arguments.
func (p *Statement) Open(cursor string, sign [][]byte, args []any) (Place, error) {
	n, _ := argkey.Special(args)
	bound := keyset.Binding{Bytes: make([]byte, 0, 64)}
	for i, arg := range args[n:] {
		if !bound.Add(arg) {
			return Place{}, fmt.Errorf("a cursor cannot be bound to argument $%d, a %T", i+1, arg)
		}
	}
	place := Place{scope: keyset.NewScope(p.Text.ID, bound.Bytes, p.Keys), sign: sign}
	if len(bound.Moved(nil)) > 0 {
		place.zones = bound.Zones
	}
	switch cursor {
	case "":
	case LastPage:
		place.At = &keyset.Position{Backward: true}
	default:
		at, err := keyset.Decode(cursor, place.scope, sign, len(p.Keys))
		if err != nil {
			return Place{}, ErrBadCursor
		}
		place.At, place.Moved = at, bound.Moved(at.Zones)
	}
	return place, nil
}

// Backward reports whether the page's rows come in the opposite order.
func (p Place) Backward() bool { return p.At != nil && p.At.Backward }

// between tells whether the page begins at a row, not at either end.
func (p Place) between() bool { return p.At != nil && len(p.At.Values) > 0 }

// Around makes the cursors of a page that was read.
func (p Place) Around(r *Rows) (next, prev string, err error) {
	var on, back string // in reading direction
	switch {
	case r.n == 0 && p.between():
		// Nothing is left there. The way back begins with the row at the place.
		turned := *p.At
		turned.Backward, turned.Inclusive, turned.Zones = !turned.Backward, !turned.Inclusive, p.zones
		back = p.seal(turned)
	case r.n > 0:
		if r.more {
			if on, err = p.beside(r, &r.last, r.tied(tie.last), p.Backward()); err != nil {
				return "", "", err
			}
		}
		if p.between() {
			if back, err = p.beside(r, &r.first, r.tied(tie.first), !p.Backward()); err != nil {
				return "", "", err
			}
		}
	}
	if p.Backward() {
		return back, on, nil
	}
	return on, back, nil
}

func (p Place) seal(at keyset.Position) string {
	return keyset.Encode(at, p.scope, p.sign)
}

// walkable is how many rows with the same leading keys a page walks through
// before it is cheaper to descend the index once more: that is three or four
// buffers, a row is one at most.
const walkable = 4

// tied is the largest number of leading keys that too many rows share with the
// page's row at one end, as far as the page shows it.
func (r *Rows) tied(rows func(tie) int) int {
	for _, v := range slices.Backward(r.ties) {
		if n := rows(v); n > walkable || n == r.n {
			return v.keys
		}
	}
	return 0
}

func (t tie) first() int { return t.leading }
func (t tie) last() int  { return t.trailing }

// beside makes the cursor that leads on from a row.
func (p Place) beside(r *Rows, row *rowKeys, tied int, backward bool) (string, error) {
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
