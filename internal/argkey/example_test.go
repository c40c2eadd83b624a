package argkey_test

import (
	"bytes"
	"fmt"

	"github.com/headrace/headrace/internal/argkey"
)

func ExampleAppend() {
	key := func(args ...any) []byte {
		key, ok := argkey.Append(nil, args)
		if !ok {
			return nil
		}
		return key
	}
	fmt.Println("same value, same type:", bytes.Equal(key(42, "Rome"), key(42, "Rome")))
	fmt.Println("another type:", bytes.Equal(key(42), key(int64(42))))
	fmt.Println("another split:", bytes.Equal(key("Ro", "me"), key("Rom", "e")))
	fmt.Println("no key for a map:", key(map[string]int{"a": 1}) == nil)
	// Output:
	// same value, same type: true
	// another type: false
	// another split: false
	// no key for a map: true
}

func ExampleClone() {
	ids := []int64{1, 2, 3}
	kept := argkey.Clone([]any{ids})
	ids[0] = 100 // the caller uses its slice again
	fmt.Println(kept[0])
	// Output: [1 2 3]
}
