// Package advise reports what would make statements faster.
package advise
