package customtypes

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/connecterror"
)

// Load registers the named types on a new connection. Each connection needs its
// own: enum codecs change while they decode.
func Load(ctx context.Context, conn *pgx.Conn, names []string) error {
	if len(names) == 0 {
		return nil
	}
	names, err := withArrays(ctx, conn, names)
	if err != nil {
		return err
	}
	types, err := typesOn(ctx, conn, names)
	if connecterror.LostStatementName(err) {
		types, err = typesOnAnother(ctx, conn, names)
	}
	if err != nil {
		return err
	}
	conn.TypeMap().RegisterTypes(types)
	return nil
}

// withArrays returns the names without "[]", and the names of the types' arrays
// and elements.
func withArrays(ctx context.Context, conn *pgx.Conn, names []string) ([]string, error) {
	elements := make([]string, len(names))
	for i, name := range names {
		elements[i] = strings.TrimSuffix(name, "[]")
	}
	rows, err := conn.Query(ctx, `
		SELECT DISTINCT an.nspname || '.' || a.typname
		FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
		JOIN pg_catalog.pg_type a ON a.oid = t.typarray OR a.typarray = t.oid JOIN pg_catalog.pg_namespace an ON an.oid = a.typnamespace
		WHERE (t.typname = ANY($1) OR n.nspname || '.' || t.typname = ANY($1)) AND an.nspname <> 'pg_catalog'`,
		pgx.QueryExecModeExec, elements)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", strings.Join(names, ", "), err)
	}
	arrays, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", strings.Join(names, ", "), err)
	}
	return slices.Concat(elements, arrays), nil
}

// EncodeNamedStrings makes a connection encode slices of string types, such as
// those of an enum, for types that are not registered: as text, as pgx encodes
// slices of strings. It applies only where pgx has no encoding.
func EncodeNamedStrings(conn *pgx.Conn) {
	m := conn.TypeMap()
	m.TryWrapEncodePlanFuncs = append(slices.Clip(m.TryWrapEncodePlanFuncs), wrapNamedStrings)
}

func wrapNamedStrings(value any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
	t := reflect.TypeOf(value)
	if t == nil || t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.String || t == reflect.TypeFor[[]string]() {
		return nil, nil, false
	}
	return new(namedStringsPlan), stringsOf(value), true
}

func stringsOf(value any) []string {
	v := reflect.ValueOf(value)
	if v.IsNil() {
		return nil
	}
	list := make([]string, v.Len())
	for i := range list {
		list[i] = v.Index(i).String()
	}
	return list
}

type namedStringsPlan struct{ next pgtype.EncodePlan }

func (p *namedStringsPlan) SetNext(next pgtype.EncodePlan) { p.next = next }

func (p *namedStringsPlan) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode(stringsOf(value), buf)
}

// typesOnAnother loads the types on a temporary connection that uses no
// statement names: pgx uses names if that is the default of its connection.
func typesOnAnother(ctx context.Context, conn *pgx.Conn, names []string) ([]*pgtype.Type, error) {
	cfg := conn.Config()
	cfg.DefaultQueryExecMode, cfg.Tracer = pgx.QueryExecModeExec, nil
	other, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = other.Close(ctx) }() // the connection is discarded in any case
	types, err := typesOn(ctx, other, names)
	if err == nil {
		_, err = loadBaseTypes(ctx, conn, names)
	}
	return types, err
}

// typesOn loads the types from the server of conn, except base types, which it
// registers on conn.
func typesOn(ctx context.Context, conn *pgx.Conn, names []string) ([]*pgtype.Type, error) {
	types, err := loadTypes(ctx, conn, names)
	missing := missingTypes(names, types)
	if len(missing) > 0 { // base types: pgx skips them, and fails on types that contain them
		base, baseErr := loadBaseTypes(ctx, conn, missing)
		if baseErr != nil {
			return nil, baseErr
		}
		if len(base) > 0 {
			types, err = loadTypes(ctx, conn, names)
			missing = missingTypes(names, append(types, base...))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", strings.Join(names, ", "), err)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("type %s does not exist", strings.Join(missing, ", "))
	}
	return types, nil
}

// loadTypes is pgx's LoadTypes. pgx loads neither the subtypes of ranges nor the
// ranges of multiranges by itself: if there is one among names or within them,
// all types within are loaded first, those that contain no other before others.
func loadTypes(ctx context.Context, conn *pgx.Conn, names []string) ([]*pgtype.Type, error) {
	rows, err := conn.Query(ctx, `
		WITH RECURSIVE needed (oid, depth) AS (
			SELECT t.oid, 0 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
			WHERE t.typname = ANY($1) OR n.nspname || '.' || t.typname = ANY($1)
			UNION
			SELECT part.oid, needed.depth + 1 FROM needed JOIN pg_catalog.pg_type t ON t.oid = needed.oid CROSS JOIN LATERAL (
				VALUES (t.typelem), (t.typbasetype)
				UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
				UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid
				UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
			) AS part (oid)
		)
		SELECT n.nspname || '.' || t.typname, max(needed.depth), t.typtype IN ('r', 'm')
		FROM needed JOIN pg_catalog.pg_type t ON t.oid = needed.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
		WHERE t.typtype IN ('c', 'd', 'e', 'r', 'm') AND n.nspname <> 'pg_catalog' GROUP BY 1, 3 ORDER BY 2 DESC`,
		pgx.QueryExecModeExec, names)
	if err != nil {
		return nil, err
	}
	type part struct {
		Name    string
		Depth   int
		IsRange bool
	}
	parts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[part])
	if err != nil {
		return nil, err
	}
	var types []*pgtype.Type
	for len(parts) > 0 && slices.ContainsFunc(parts, func(p part) bool { return p.IsRange }) {
		var level []string
		for depth := parts[0].Depth; len(parts) > 0 && parts[0].Depth == depth; parts = parts[1:] {
			level = append(level, parts[0].Name)
		}
		loaded, err := conn.LoadTypes(ctx, level)
		if err != nil {
			return nil, err
		}
		types = append(types, loaded...)
	}
	rest, err := conn.LoadTypes(ctx, names)
	return append(types, rest...), err
}

// loadBaseTypes registers the base types among names that extensions added as a
// kind of text, such as citext, and returns them. The wire format of other base
// types is known to their authors only.
func loadBaseTypes(ctx context.Context, conn *pgx.Conn, names []string) ([]*pgtype.Type, error) {
	rows, err := conn.Query(ctx, `
		SELECT n.nspname, t.typname, t.oid, t.typcategory = 'S'
		FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
		WHERE t.typtype = 'b' AND t.typcategory <> 'A' AND (t.typname = ANY($1) OR n.nspname || '.' || t.typname = ANY($1))`,
		pgx.QueryExecModeExec, names)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", strings.Join(names, ", "), err)
	}
	var found []*pgtype.Type
	var schema, name string
	var oid uint32
	var text bool
	_, err = pgx.ForEachRow(rows, []any{&schema, &name, &oid, &text}, func() error {
		typ, known := conn.TypeMap().TypeForOID(oid) // pgx may have it registered by default
		if !known && !text {
			return fmt.Errorf("%s.%s is a base type, which the catalog does not describe: leave it out, and register a codec in the hook AfterConnect of OpenConfig", schema, name)
		}
		if !known {
			typ = &pgtype.Type{Name: name, OID: oid, Codec: pgtype.TextCodec{}}
			conn.TypeMap().RegisterType(typ)
		}
		found = append(found, &pgtype.Type{Name: schema + "." + name, OID: oid, Codec: typ.Codec})
		return nil
	})
	return found, err
}

// missingTypes returns the names without a type in types.
func missingTypes(names []string, types []*pgtype.Type) []string {
	var missing []string
	for _, name := range names {
		if !slices.ContainsFunc(types, func(t *pgtype.Type) bool { return isNameOf(name, t.Name) }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// isNameOf reports whether name, with or without schema, is the name of a type
// that pgx loaded under the name loaded.
func isNameOf(name, loaded string) bool {
	return name == loaded || strings.HasSuffix(name, "."+loaded) || strings.HasSuffix(loaded, "."+name)
}
