// Package diagnose says what slows a program down, and whether it is healthy.
package diagnose
