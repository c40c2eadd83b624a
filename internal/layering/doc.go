// Package layering holds tests of the source itself: which package of this repository may import which, and what each of
// them says of itself. It is here so that a layer is crossed by a decision, in the table of the test, and never by
// accident.
package layering
