package catalog

// exprType returns the type of an expression's result, as nodeFuncs.c does, 0
// if the node has none.
func exprType(n *node) uint32 {
	if n == nil {
		return 0
	}
	if field, ok := resultFields[n.kind]; ok {
		return n.oid(field)
	}
	if field, ok := sameAs[n.kind]; ok {
		return exprType(n.get(field).node)
	}
	switch n.kind {
	case "SCALARARRAYOPEXPR", "BOOLEXPR", "ROWCOMPAREEXPR", "NULLTEST", "BOOLEANTEST", "JSONISPREDICATE":
		return boolType
	case "GROUPINGFUNC":
		return intType
	case "MERGESUPPORTFUNC":
		return textType
	case "XMLEXPR":
		return xmlResult(n.get("op").number())
	case "JSONCONSTRUCTOREXPR", "JSONEXPR":
		return n.get("returning").node.oid("typid")
	case "SUBLINK":
		return subqueryType(n)
	}
	return 0
}

// xmlResult returns the type of IS DOCUMENT, XMLSERIALIZE and the others, by
// XmlExprOp.
func xmlResult(op int) uint32 {
	switch op {
	case 6:
		return textType
	case 7:
		return boolType
	}
	return xmlType
}

// Values of the enum SubLinkType.
const (
	exprSubquery  = 4
	arraySubquery = 6
)

// subqueryType returns the type of a subquery. The element type stands for an
// array, whose text form depends on the same settings.
func subqueryType(n *node) uint32 {
	kind := n.get("subLinkType").number()
	if kind < exprSubquery {
		return boolType
	}
	query := n.get("subselect").node
	if query == nil || kind != exprSubquery && kind != arraySubquery {
		return 0
	}
	for _, item := range query.get("targetList").list {
		if item.node == nil || item.node.get("resjunk").word == "true" {
			continue
		}
		return exprType(item.node.get("expr").node)
	}
	return 0
}

// Some more types of pg_type.dat.
const (
	boolType = 16
	intType  = 23
	textType = 25
)

// resultFields names the field that holds an expression's type.
var resultFields = map[string]string{
	"VAR": "vartype", "CONST": "consttype", "PARAM": "paramtype", "FUNCEXPR": "funcresulttype",
	"OPEXPR": "opresulttype", "DISTINCTEXPR": "opresulttype", "NULLIFEXPR": "opresulttype",
	"AGGREF": "aggtype", "WINDOWFUNC": "wintype",
	"RELABELTYPE": "resulttype", "COERCEVIAIO": "resulttype", "ARRAYCOERCEEXPR": "resulttype",
	"CONVERTROWTYPEEXPR": "resulttype", "FIELDSELECT": "resulttype", "FIELDSTORE": "resulttype", "COERCETODOMAIN": "resulttype",
	"CASEEXPR": "casetype", "COALESCEEXPR": "coalescetype", "MINMAXEXPR": "minmaxtype",
	"ARRAYEXPR": "array_typeid", "ROWEXPR": "row_typeid", "SUBSCRIPTINGREF": "refrestype",
	"SQLVALUEFUNCTION": "type", "CASETESTEXPR": "typeId", "COERCETODOMAINVALUE": "typeId", "SETTODEFAULT": "typeId",
	"NEXTVALUEEXPR": "typeId",
}

// sameAs names the field that holds a subexpression of the same type.
var sameAs = map[string]string{
	"NAMEDARGEXPR": "arg", "COLLATEEXPR": "arg", "JSONVALUEEXPR": "formatted_expr", "RETURNINGEXPR": "retexpr",
}
