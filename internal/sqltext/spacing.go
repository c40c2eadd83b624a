package sqltext

// A look is the class of an item that determines where normalized text has
// blanks.
type look uint8

const (
	likeNothing look = iota // before the first item
	likeAny                 // literals, operators, hints: always separated
	likeWord                // a word directly before a parenthesis: f(x)
	likeClause              // a key word with a blank before a parenthesis: IN (x)
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

// looks is a set of looks.
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

// closeTo lists, for each look, the looks that it follows without a blank. The
// choice is cosmetic, except that the two items must still be read as two
// tokens: operators and numbers, for example, are always separated.
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

// tight reports whether it follows prev without a blank in normalized text.
func tight(prev, it item) bool { return closeTo[it.look]>>prev.look&1 != 0 }

// lookOf returns the look of an item with the given kind and key.
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
