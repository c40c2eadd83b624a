//go:build soak

package soak

// On tells whether the tag is set.
const On = true
