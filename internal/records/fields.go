package records

import (
	"fmt"
	"slices"
)

// Fields says which of a file's fields are columns.
type Fields struct {
	Names  []string          // nil where the file has names
	Rename map[string]string // of a field, to the column's name
	Skip   []string          // fields that are no columns
}

func (f Fields) column(name string) string {
	if to, ok := f.Rename[name]; ok {
		return to
	}
	return name
}

// check refuses to rename or skip fields that are not among names.
func (f Fields) check(names []string) error {
	for from := range f.Rename {
		if !slices.Contains(names, from) {
			return fmt.Errorf("there is no field %q to rename; there are %q", from, names)
		}
	}
	for _, name := range f.Skip {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no field %q to skip; there are %q", name, names)
		}
	}
	return nil
}
