package querycache

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/changes"
)

// The names of versions in further tiers. All processes form them alike:
//
//	t/SERVER/OID    the rows of a table, with those of inheriting tables
//	t/SERVER/OIDo   the own rows of a table, which FROM ONLY reads
//	t/SERVER/*      everything in a database
//	t/SERVER/any    any table of a database, for unknown dependencies
//	s/NAME          a statement or an Aside
//	k/NAME/KEY      a key of an Aside, in all scopes
//
// A raise of t/SERVER/* or s/NAME affects all entries for which there is a name
// with the same beginning.

// tierServer returns the part of names that stands for a database.
func tierServer(at *changes.Database) string {
	return "t/" + strings.ReplaceAll(at.Server(), "/", ".") + "/"
}

// everythingIn and anyTable follow tierServer, as the names of tables do.
const (
	everythingIn = "*"
	anyTable     = "any"
)

// tierName returns the name of a table, to follow tierServer.
func (k tableKey) tierName() string {
	name := strconv.FormatUint(uint64(k.oid), 10)
	if k.own {
		name += "o"
	}
	return name
}

// tierNamesOf returns the names that a change raises in a database.
func tierNamesOf(at *changes.Database, c changes.Change) []string {
	server := tierServer(at)
	switch {
	case c.All:
		return []string{server + anyTable, server + everythingIn}
	case c.Inherited:
		return []string{server + anyTable, server + tableKey{oid: c.Table.OID}.tierName()}
	}
	return []string{server + anyTable, server + tableKey{oid: c.Table.OID}.tierName(), server + tableKey{c.Table.OID, true}.tierName()}
}

// statementTierName returns the name of a statement or an Aside.
func statementTierName(name string) string { return "s/" + plainName(name, 200) }

// textTierName returns the name of a statement without a name.
func textTierName(digest [16]byte) string {
	return "s/~" + base64.RawURLEncoding.EncodeToString(digest[:])
}

// keyTierName returns the name of a key of an Aside, which is encoded without
// scope.
func keyTierName(aside string, key []byte) string {
	return "k/" + plainName(aside, 200) + "/" + plainName(base64.RawURLEncoding.EncodeToString(key), 200)
}

// plainName returns text without characters that a Tier need not accept. It
// replaces a long text with a hash.
func plainName(text string, most int) string {
	plain := url.PathEscape(text)
	if len(plain) <= most {
		return plain
	}
	sum := sha256.Sum256([]byte(text))
	return "~" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// widened returns the name of everything that a name is part of, or the name
// itself.
func widened(name string) string {
	kind, rest, _ := strings.Cut(name, "/")
	first, _, _ := strings.Cut(rest, "/")
	switch kind {
	case "t":
		return "t/" + first + "/" + everythingIn
	case "k":
		return "s/" + first
	}
	return name
}
