package rowscan

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// A plan decodes the rows of one shape of result into one Go type. Apart from
// its size estimates it is immutable.
type plan struct {
	shape   *shape
	columns []column
	codecs  []planCodec
	// wraps are the types that columns with decoders reach through pgx's scan
	// wrappers. A program may have added wrappers before these.
	wraps   []wrap
	located bool // values of a column are in a location of the connection

	rows, text expectation // rows of a result, and bytes of their strings in slabs
}

// A column is the plan for one column: where its value goes, and how.
type column struct {
	decode decodeFunc
	// element decodes the target of a pointer, the value of a nullable, or the
	// elements of an array.
	element conversion
	offset  uintptr // of the field in the struct
	valid   uintptr // offset of Valid within the field
	text    bool    // its values take about as many slab bytes as the server sends
	index   int
	codec   codec
	typ     reflect.Type
	sample  any  // a nil *typ
	guarded bool // pgx's plan may panic: see guard

	name   string
	oid    uint32
	format int16
	path   string
}

// A wrap records that a column's decoder does what pgx's own scan wrappers do
// for a target of type typ.
type wrap struct {
	column int
	typ    reflect.Type
}

// A planCodec is an assumption of the plan: that oid has this codec.
type planCodec struct {
	oid   uint32
	codec codec
	known *pgtype.Type // pgx's default registration of oid with that codec, if any: a fast path for equal types
}

// A decodeFunc decodes src, the bytes of a value as the server sent them or nil
// for NULL, into dst. For an irregular value it reports false and leaves dst
// unchanged; pgx then decodes the value or returns the error. It must not
// retain src.
type decodeFunc func(r *run, c *column, dst cell, src []byte) bool

// compile makes the plan for results with these columns.
func compile(s *shape, columns []pgconn.FieldDescription, typeMap *pgtype.Map) (*plan, error) {
	fields, err := s.match(columns)
	if err != nil {
		return nil, err
	}
	p := &plan{shape: s, columns: make([]column, 0, len(fields)), codecs: make([]planCodec, 0, len(fields)), wraps: make([]wrap, 0, len(fields))}
	for i, f := range fields {
		t, _ := typeMap.TypeForOID(columns[i].DataTypeOID)
		c := column{
			offset: f.offset, index: i, codec: codecOf(t), typ: f.typ, sample: nilPointer(f.typ),
			name: columns[i].Name, oid: columns[i].DataTypeOID, format: columns[i].Format, path: f.path,
		}
		element := elementOf(t)
		if element != nil && codecOf(registered(typeMap, element.OID)) != codecOf(element) {
			c.codec = codec{} // pgx takes one or the other, depending on the target
		}
		if p.add(c) {
			p.assume(c.oid, codecOf(t))
			if element != nil {
				p.assume(element.OID, codecOf(registered(typeMap, element.OID)))
			}
		}
	}
	return p, nil
}

// match returns the field for each column.
func (s *shape) match(columns []pgconn.FieldDescription) ([]field, error) {
	mismatch := MismatchError{GoType: s.typ.String(), Duplicates: duplicates(columns)}
	fields := make([]field, len(columns))
	switch s.form {
	case ownScan:
		return nil, nil
	case single:
		if len(columns) != 1 {
			return nil, fmt.Errorf("rows into %v: want one column, got %d", s.typ, len(columns))
		}
		return []field{{typ: s.typ}}, nil
	case asMap:
		for i := range fields {
			fields[i].typ = reflect.TypeFor[any]()
		}
	case byName:
		for _, f := range s.fields {
			if i := f.find(columns); i >= 0 {
				fields[i] = f
			} else {
				mismatch.Missing = append(mismatch.Missing, MissingColumn{f.columnName(), f.path})
			}
		}
		for i, c := range columns {
			if fields[i].typ == nil && !slices.Contains(mismatch.Duplicates, c.Name) {
				mismatch.Extra = append(mismatch.Extra, c.Name)
			}
		}
	}
	mismatch.single = len(columns) == 1 && len(mismatch.Extra) == 1
	if len(mismatch.Missing)+len(mismatch.Extra)+len(mismatch.Duplicates) > 0 {
		return nil, &mismatch
	}
	return fields, nil
}

// duplicates returns the names that several columns have.
func duplicates(columns []pgconn.FieldDescription) (names []string) {
	for i := range columns {
		name := columns[i].Name
		same := func(c pgconn.FieldDescription) bool { return c.Name == name }
		if slices.ContainsFunc(columns[:i], same) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// registered returns the type that m has for oid, or nil.
func registered(m *pgtype.Map, oid uint32) *pgtype.Type {
	t, _ := m.TypeForOID(oid)
	return t
}

// add chooses the decoder of c and appends it. It reports whether the choice
// depends on the column's codec.
func (p *plan) add(c column) bool {
	choice := choose(c.codec, c.format, c.oid, c.typ)
	c.decode, c.element, c.valid = choice.decode, choice.element, choice.valid
	c.guarded = holdsMultirange(c.typ)
	c.text = choice.anyCodec || slices.Contains([]class{array, bytea, enum, text}, c.codec.class)
	for _, typ := range choice.wraps {
		if typ != nil {
			p.wraps = append(p.wraps, wrap{c.index, typ})
		}
	}
	p.located = p.located || c.codec.located
	p.columns = append(p.columns, c)
	return !choice.anyCodec
}

// assume records that decoders of the plan depend on a type's codec.
func (p *plan) assume(oid uint32, c codec) {
	if slices.ContainsFunc(p.codecs, func(pc planCodec) bool { return pc.oid == oid }) {
		return
	}
	pc := planCodec{oid: oid, codec: c}
	if t, ok := defaultTypes.TypeForOID(oid); ok && codecOf(t) == c {
		pc.known = t
	}
	p.codecs = append(p.codecs, pc)
}

// fits reports whether the plan is valid for results with these columns on a
// connection with this type map.
func (p *plan) fits(columns []pgconn.FieldDescription, typeMap *pgtype.Map) bool {
	if p.shape.form == ownScan {
		return true
	}
	if len(columns) != len(p.columns) {
		return false
	}
	for i := range columns {
		c, want := &p.columns[i], &columns[i]
		if c.oid != want.DataTypeOID || c.format != want.Format || c.name != want.Name {
			return false
		}
	}
	for i := range p.codecs {
		pc := &p.codecs[i]
		t, _ := typeMap.TypeForOID(pc.oid)
		if (t == nil || t != pc.known) && codecOf(t) != pc.codec {
			return false
		}
	}
	return true
}

// maxPlans bounds the cached plans of one Go type; beyond it the oldest is
// dropped.
const maxPlans = 64

// plans are the plans of one Decoder, newest first, copied on write.
type plans struct {
	list atomic.Pointer[[]*plan]
	mu   sync.Mutex // held by writers
}

// get returns the plan for results with these columns, and compiles it if
// necessary.
func (ps *plans) get(s *shape, columns []pgconn.FieldDescription, typeMap *pgtype.Map) (*plan, error) {
	if p := ps.find(columns, typeMap); p != nil {
		return p, nil
	}
	p, err := compile(s, columns, typeMap)
	if err != nil {
		return nil, err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if found := ps.find(columns, typeMap); found != nil {
		return found, nil
	}
	list := []*plan{p}
	if old := ps.list.Load(); old != nil {
		list = append(list, (*old)[:min(len(*old), maxPlans-1)]...)
	}
	ps.list.Store(&list)
	return p, nil
}

func (ps *plans) find(columns []pgconn.FieldDescription, typeMap *pgtype.Map) *plan {
	list := ps.list.Load()
	if list == nil {
		return nil
	}
	for _, p := range *list {
		if p.fits(columns, typeMap) {
			return p
		}
	}
	return nil
}

// An expectation estimates a size as the smaller of the last two, so that one
// huge result costs the next reader nothing.
type expectation struct{ last, before atomic.Int64 }

func (e *expectation) guess() int { return int(min(e.last.Load(), e.before.Load())) }

// learn records a result's size. It writes only if that changes something: a
// write slows other cores.
func (e *expectation) learn(size int) {
	if last := e.last.Load(); last != int64(size) || e.before.Load() != last {
		e.before.Store(last)
		e.last.Store(int64(size))
	}
}
