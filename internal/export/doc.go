// Package export writes the rows of a query to a writer, by COPY.
package export
