package target

// RowsFault reports whether an error with this SQLSTATE is caused by values of
// the rows, so that other rows may succeed.
func RowsFault(code string) bool {
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "22", "23", // bad data; a constraint
		"44",       // WITH CHECK OPTION
		"54",       // too large for an index
		"P0", "38": // raised by a function
		return true
	}
	return false
}
