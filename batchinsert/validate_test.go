package batchinsert

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// Every number in every struct of options is refused where it is negative, by
// everything that takes the struct, with the same words.
func TestNegativeOptionsAreRefused(t *testing.T) {
	type row struct{ ID int64 }
	table, rows := MustTable[row]("t"), Rows([]row{{1}})
	input := func() Input { return CSV(strings.NewReader("id\n1\n")) }
	nobody := nobody{t}
	ctx := t.Context()
	for name, calls := range map[string][]any{
		"Options": {
			func(o Options) error { _, err := table.With(o).Insert(ctx, nobody, rows); return err },
			func(o Options) error { _, err := table.With(o).Copy(ctx, nobody, rows); return err },
			func(o Options) error { _, err := table.With(o).Upsert(ctx, nobody, rows, OnConflict{}); return err },
			func(o Options) error { _, err := table.With(o).UpdateMany(ctx, nobody, rows, "id"); return err },
			func(o Options) error { _, err := table.With(o).DeleteMany(ctx, nobody, rows, "id"); return err },
			func(o Options) error { _, err := InsertReturning[row](ctx, nobody, table.With(o), rows); return err },
		},
		"OnConflict": {
			func(o OnConflict) error { _, err := table.Upsert(ctx, nobody, rows, o); return err },
			func(o OnConflict) error {
				_, err := Load(ctx, nobody, "t", input(), &LoadOptions{OnConflict: &o})
				return err
			},
			func(o OnConflict) error { return writerError(t, table, &WriterOptions[row]{OnConflict: &o}) },
		},
		"WriterOptions": {
			func(o WriterOptions[row]) error { return writerError(t, table, &o) },
		},
		"LoadOptions": {
			func(o LoadOptions) error { _, err := Load(ctx, nobody, "t", input(), &o); return err },
			func(o LoadOptions) error { _, err := Plan(ctx, nobody, "t", input(), &o); return err },
			func(o LoadOptions) error { _, err := LoadChunk(ctx, nobody, "t", input(), 0, &o); return err },
			func(o LoadOptions) error { _, err := Infer(ctx, input(), "t", &o); return err },
		},
		"Records": {
			func(r Records) error {
				r.Columns, r.Rows = []string{"id"}, func(func([]any, error) bool) {}
				_, err := Load(ctx, nobody, "t", r, nil)
				return err
			},
		},
		"ExportOptions": {
			func(o ExportOptions) error { _, err := Export(ctx, nobody, "SELECT 1", io.Discard, &o); return err },
		},
	} {
		for _, call := range calls {
			call := reflect.ValueOf(call)
			numbers := 0
			for i := range call.Type().In(0).NumField() {
				options := reflect.New(call.Type().In(0)).Elem()
				switch field := options.Field(i); {
				case field.CanInt():
					field.SetInt(-1)
				case field.CanFloat():
					field.SetFloat(-1)
				default:
					continue
				}
				numbers++
				err, _ := reflect.TypeAssert[error](call.Call([]reflect.Value{options})[0])
				want := fmt.Sprintf("batchinsert: %s.%s: %v is negative", name, options.Type().Field(i).Name, options.Field(i).Interface())
				if err == nil || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
			}
			if numbers == 0 {
				t.Errorf("%s has no numbers", name)
			}
		}
	}
}

// writerError returns the error with which a writer answers to everything.
func writerError[T any](t *testing.T, table *Table[T], opts *WriterOptions[T]) error {
	t.Helper()
	var row T
	w := table.NewWriter(nobody{t}, opts)
	err := w.Add(t.Context(), row)
	for name, other := range map[string]error{
		"TryAdd": w.TryAdd(row), "Write": w.Write(t.Context(), row), "Flush": w.Flush(t.Context()), "Close": w.Close(t.Context()),
	} {
		if other == nil || err == nil || other.Error() != err.Error() {
			t.Errorf("%s: %v, Add: %v", name, other, err)
		}
	}
	return err
}

// Every option reaches the machinery, under its own name.
func TestLoadOptionsAreAllPassedOn(t *testing.T) {
	for i := range reflect.TypeFor[LoadOptions]().NumField() {
		var o LoadOptions
		field, name := reflect.ValueOf(&o).Elem().Field(i), reflect.TypeFor[LoadOptions]().Field(i).Name
		switch field.Kind() {
		case reflect.Func:
			field.Set(reflect.MakeFunc(field.Type(), func([]reflect.Value) []reflect.Value { return nil }))
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		case reflect.Map:
			field.Set(reflect.MakeMap(field.Type()))
		case reflect.String:
			field.SetString("x")
		case reflect.Bool:
			field.SetBool(true)
		default:
			field.Set(reflect.ValueOf(1).Convert(field.Type()))
		}
		passed, err := o.internal()
		if got := reflect.ValueOf(passed).FieldByName(name); err != nil || !got.IsValid() || got.IsZero() {
			t.Errorf("%s is not passed on: %v", name, err)
		}
	}
}
