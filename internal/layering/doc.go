// Package layering holds one test: which package of this repository may import which. It is here so that a layer is
// crossed by a decision, in the table of the test, and never by accident.
package layering
