package catalog

import "slices"

// TakesTime tells whether one of the types, those of a statement's parameters,
// is one for which the server knows words such as today: see [NamesTime].
func TakesTime(types []uint32) bool {
	return slices.ContainsFunc(types, func(oid uint32) bool { return timeTypes[oid] })
}
