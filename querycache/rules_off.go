//go:build !mutants

package querycache

const broken = allHold
