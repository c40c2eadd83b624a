// Package peak measures how much memory something takes at most, and makes files of any size to load meanwhile.
package peak
