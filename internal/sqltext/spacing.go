package sqltext

// A look is what decides where normalized text has blanks.
type look uint8

const (
	likeNothing look = iota // before the first item
	likeAny                 // literals, operators, hints: they keep their distance
	likeWord                // what a parenthesis follows closely: f(x)
	likeClause              // a key word that a parenthesis keeps apart from: IN (x)
	likeName                // a quoted name
	likeParam               //
	likeParen               // (
	likeBracket             // [
	likeClosing             // ) ]
	likeComma               // , ;
	likePoint               // .
	likeColon               // : := ..
	likeCast                // ::
	likeStar                // * alone
)

// looks are a set of them.
type looks uint16

func setOf(list ...look) (set looks) {
	for _, l := range list {
		set |= 1 << l
	}
	return set
}

var (
	anyLook = ^looks(0)
	opened  = setOf(likeNothing, likeParen, likeBracket, likeCast)
	named   = setOf(likeWord, likeClause, likeName, likeClosing)
)

// closeTo tells which items each kind of item stands directly after. That is a
// matter of taste, except that the two must be read as the same two tokens
// again: operators and numbers, for one, always keep their distance.
var closeTo = [...]looks{
	likeAny:     opened,
	likeWord:    opened | setOf(likePoint),
	likeClause:  opened | setOf(likePoint),
	likeName:    opened | setOf(likePoint),
	likeParam:   opened,
	likeParen:   opened | setOf(likeWord, likeName),
	likeBracket: opened | named | setOf(likeParam),
	likeClosing: anyLook,
	likeComma:   anyLook,
	likePoint:   opened | named,
	likeColon:   setOf(likeNothing, likeParen, likeBracket),
	likeCast:    anyLook &^ setOf(likeColon),
	likeStar:    opened | setOf(likePoint),
}

// tight tells whether it stands directly after prev in normalized text.
func tight(prev, it item) bool { return closeTo[it.look]>>prev.look&1 != 0 }

// lookOf returns the look of an item whose kind and key are known.
func lookOf(kind Kind, key keyword) look {
	switch kind {
	case Word:
		if key.spaced() {
			return likeClause
		}
		return likeWord
	case QuotedName:
		return likeName
	case Param:
		return likeParam
	case Symbol:
		return symbolLooks[key&0xff]
	case Operator:
		if key == '*' {
			return likeStar
		}
	}
	return likeAny
}

var symbolLooks = [256]look{
	'(': likeParen, '[': likeBracket, ')': likeClosing, ']': likeClosing, ',': likeComma, ';': likeComma, '.': likePoint,
	':': likeColon, kwAssign & 0xff: likeColon, kwTwoDots & 0xff: likeColon, kwTypecast & 0xff: likeCast,
}
