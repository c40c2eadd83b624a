package batchinsert

import (
	"fmt"
	"reflect"
)

// notNegative refuses negative numbers in the fields of a struct of options,
// which errors call name.
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
