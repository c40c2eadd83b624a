//go:build !soak

package soak

// On reports whether the tag soak is set.
const On = false
