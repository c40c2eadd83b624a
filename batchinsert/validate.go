package batchinsert

import (
	"fmt"
	"reflect"
)

// notNegative returns an error if a field of options, a struct called name in
// errors, is a negative number.
func notNegative(name string, options any) error {
	v := reflect.ValueOf(options)
	for i := range v.NumField() {
		field, negative := v.Field(i), false
		switch {
		case field.CanInt():
			negative = field.Int() < 0
		case field.CanFloat():
			negative = field.Float() < 0
		}
		if negative {
			return fmt.Errorf("batchinsert: %s.%s: %v is negative", name, v.Type().Field(i).Name, field.Interface())
		}
	}
	return nil
}
