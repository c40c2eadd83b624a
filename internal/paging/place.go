package paging

import (
	"errors"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/keyset"
)

// A Place is the position at which a page begins, and the scope of its cursors.
type Place struct {
	At    *keyset.Position // nil at the beginning; without values at the end
	Moved []int            // arguments that match the cursor only if they are sent as instants

	scope keyset.Scope
	sign  [][]byte
	zones []int // of the times among the arguments; nil if all are UTC
}

// ErrBadCursor is db.ErrBadCursor.
var ErrBadCursor = errors.New("db: bad cursor")

// LastPage is the cursor that stands for the end.
const LastPage = "last"

// Open decodes a cursor, which is bound to the statement and its arguments.
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

// Backward reports whether the page's rows come in reverse order.
func (p Place) Backward() bool { return p.At != nil && p.At.Backward }

// between reports whether the page begins at a row, not at either end.
func (p Place) between() bool { return p.At != nil && len(p.At.Values) > 0 }

// Around returns the cursors of a page that was read.
func (p Place) Around(r *Rows) (next, prev string, err error) {
	var on, back string // in reading direction
	switch {
	case r.n == 0 && p.between():
		// No rows are left. The previous page begins with the row at the position.
		turned := *p.At
		turned.Backward, turned.Inclusive, turned.Zones = !turned.Backward, !turned.Inclusive, p.zones
		back = p.seal(turned)
	case r.n > 0:
		if r.more {
			if on, err = p.cursorAt(r, &r.last, r.tied(tie.last), p.Backward()); err != nil {
				return "", "", err
			}
		}
		if p.between() {
			if back, err = p.cursorAt(r, &r.first, r.tied(tie.first), !p.Backward()); err != nil {
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

// walkable is the number of rows with the same leading keys that a page walks
// through before another index descent is cheaper: a descent costs three or
// four buffers, a row at most one.
const walkable = 4

// tied returns the largest number of leading keys that too many rows share with
// the page's row at one end, as far as the page shows it.
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

// cursorAt returns the cursor that leads on from a row.
func (p Place) cursorAt(r *Rows, row *rowKeys, tied int, backward bool) (string, error) {
	at := keyset.Position{Values: make([]keyset.Value, len(r.keys)), Backward: backward, Tied: tied, Compare: r.compared, Zones: p.zones}
	for i, column := range r.columns {
		at.Values[i].Type = column.oid
		if at.Values[i].Null = row.null(i); at.Values[i].Null {
			continue
		}
		text, ok := column.text(row.value(i))
		if !ok {
			return "", fmt.Errorf("key %q: its type (OID %d) has no known text form", r.keys[i].Column, column.oid)
		}
		at.Values[i].Text = text
	}
	return p.seal(at), nil
}
