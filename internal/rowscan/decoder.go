package rowscan

import (
	"iter"
	"reflect"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/deepcopy"
)

// A Decoder decodes rows into values of type T:
//
//   - a struct is filled by column names as by pgx.RowToStructByName, and so is
//     a pointer to a struct;
//   - map[string]any receives each row by column name;
//   - a type that implements pgx.RowScanner scans its row itself;
//   - any other type (scalars, slices, pgtype's types, scanners) is the value
//     of the only column.
//
// It is safe for concurrent use. It estimates the size of results from earlier
// ones: a statement that is read often should have a Decoder of its own
// ([New]).
type Decoder[T any] struct {
	shape    *shape
	plans    plans
	sessions sync.Pool // *session[T]
	flat     bool      // see Flat
	shares   string    // see Shares
}

// A session is the state of reading one result.
type session[T any] struct {
	run
	value T // the row of One and Each, which so allocate none
}

// New returns a Decoder for T, or a [*TypeError] if no rows can be decoded into
// T.
func New[T any]() (*Decoder[T], error) {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	typ := reflect.TypeFor[T]()
	return &Decoder[T]{
		shape: s, flat: deepcopy.IsFlat(typ), shares: sharing(typ, map[reflect.Type]bool{}),
	}, nil
}

var decoders sync.Map // reflect.Type to *Decoder of it

// For returns the Decoder for T that the process shares.
func For[T any]() (*Decoder[T], error) {
	typ := reflect.TypeFor[T]()
	if d, ok := decoders.Load(typ); ok {
		return d.(*Decoder[T]), nil
	}
	made, err := New[T]()
	if err != nil {
		return nil, err
	}
	d, _ := decoders.LoadOrStore(typ, made)
	return d.(*Decoder[T]), nil
}

// All returns all rows as values, and closes rows. A result without rows is an
// empty slice. If max > 0, a result with more rows is a [*TooManyRowsError].
func (d *Decoder[T]) All(rows pgx.Rows, max int) ([]T, error) {
	list, err := d.read(nil, rows, max)
	if err != nil {
		return nil, err
	}
	return list.all(), nil
}

// AppendTo appends all rows to dst as append does, and closes rows. max bounds
// the rows of the result, as in All. After an error it returns dst. In any case
// it may overwrite the array of dst beyond its length.
func (d *Decoder[T]) AppendTo(dst []T, rows pgx.Rows, max int) ([]T, error) {
	list, err := d.read(dst, rows, max)
	if err != nil {
		return dst, err
	}
	return list.appended(), nil
}

// read reads all rows, into the spare capacity of dst as far as it goes.
func (d *Decoder[T]) read(dst []T, rows pgx.Rows, max int) (list[T], error) {
	defer rows.Close()
	s, err := d.begin(rows)
	if err != nil {
		return list[T]{}, err
	}
	defer d.end(s)
	s.expect(max)
	list := listAfter(dst, s.expected)
	for rows.Next() {
		if max > 0 && list.len() == max {
			return list, &TooManyRowsError{max}
		}
		if err := s.decodeRow(rows, cellOf(list.next())); err != nil {
			return list, err
		}
	}
	if err := rows.Err(); err != nil {
		return list, err
	}
	s.plan.rows.learn(list.len())
	s.plan.text.learn(s.slab.bytes())
	return list, nil
}

// One returns the only row, and closes rows. Without a row it returns
// pgx.ErrNoRows, for several rows pgx.ErrTooManyRows.
func (d *Decoder[T]) One(rows pgx.Rows) (T, error) {
	var none T
	defer rows.Close()
	s, err := d.begin(rows)
	if err != nil {
		return none, err
	}
	defer d.end(s)
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return none, err
		}
		return none, pgx.ErrNoRows
	}
	s.expectOne(rows.RawValues())
	if err := s.decodeRow(rows, cellOf(&s.value)); err != nil {
		return none, err
	}
	if rows.Next() {
		return none, pgx.ErrTooManyRows
	}
	if err := rows.Err(); err != nil {
		return none, err
	}
	return s.value, nil
}

// Each yields the rows as they arrive. An error comes last, with the zero T.
// Rows are closed at the end, even if the loop ends early: closing reads the
// rest of the result.
func (d *Decoder[T]) Each(rows pgx.Rows) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		defer rows.Close()
		s, err := d.begin(rows)
		if err != nil {
			yield(none, err)
			return
		}
		defer d.end(s)
		for rows.Next() {
			s.value = none
			if err := s.decodeRow(rows, cellOf(&s.value)); err != nil {
				yield(none, err)
				return
			}
			if !yield(s.value, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

// Columns returns the names of the columns that T wants, in the order of its
// fields: the db tag, or the field's name in snake case (which stands for every
// spelling with the same letters, regardless of case and underscores). It
// returns nil if T accepts any columns.
func (d *Decoder[T]) Columns() []string {
	var names []string
	for _, f := range d.shape.fields {
		names = append(names, f.columnName())
	}
	return names
}

// Check returns an error if rows with these columns could not be decoded: a
// [*MismatchError], or a [*ColumnError] (row 0) for each type that does not fit
// its field, joined. typeMap is that of a connection; nil stands for pgx's
// default.
//
// samples are all values, in text form, of types that typeMap does not have.
// pgx scans them by the type of the field, which then does not fit if it takes
// none of them.
func (d *Decoder[T]) Check(columns []pgconn.FieldDescription, typeMap *pgtype.Map, samples map[uint32][]string) error {
	p, typeMap, err := d.compile(columns, typeMap)
	if err != nil {
		return err
	}
	return p.check(typeMap, samples)
}

// NullErrors returns, for each column, the [*ColumnError] (row 0) of a NULL in
// it, or nil if its field can hold NULL. Check must have accepted the columns.
func (d *Decoder[T]) NullErrors(columns []pgconn.FieldDescription, typeMap *pgtype.Map) []error {
	p, typeMap, err := d.compile(columns, typeMap)
	if err != nil {
		return nil
	}
	return p.nullErrors(typeMap)
}

func (d *Decoder[T]) compile(columns []pgconn.FieldDescription, typeMap *pgtype.Map) (*plan, *pgtype.Map, error) {
	if typeMap == nil {
		typeMap = pgtype.NewMap()
	}
	p, err := compile(d.shape, columns, typeMap)
	return p, typeMap, err
}

// begin returns a session with the plan for rows, which the caller must end.
// For a result without columns, and for an error before the columns, it reads
// rows to their end.
func (d *Decoder[T]) begin(rows pgx.Rows) (*session[T], error) {
	columns := rows.FieldDescriptions()
	if len(columns) == 0 && (len(d.shape.fields) > 0 || d.shape.form != byName) {
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
		return nil, ErrNoResultSet
	}
	s, ok := d.sessions.Get().(*session[T])
	if !ok {
		s = new(session[T])
	}
	if err := s.bind(d.shape, &d.plans, columns, rows.TypeMap()); err != nil {
		d.end(s)
		return nil, err
	}
	return s, nil
}

// end returns the session to the pool, without references to the result or the
// connection.
func (d *Decoder[T]) end(s *session[T]) {
	var none T
	s.value = none
	s.release()
	d.sessions.Put(s)
}
