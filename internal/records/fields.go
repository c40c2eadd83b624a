package records

import (
	"fmt"
	"slices"
)

// Fields maps the fields of a file to columns.
type Fields struct {
	Names  []string          // nil if the file has names
	Rename map[string]string // names of fields to names of columns
	Skip   []string          // fields that are not loaded
}

func (f Fields) column(name string) string {
	if to, ok := f.Rename[name]; ok {
		return to
	}
	return name
}

// check returns an error if a renamed or skipped field is not among names.
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
