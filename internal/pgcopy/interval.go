package pgcopy

import (
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// TextTypes returns a copy of m whose text forms do not depend on settings of
// the session. pgtype writes -1 mon 2 day 00:00:01; with IntervalStyle
// sql_standard the server takes a leading minus for one of each field, unless
// another has a sign of its own.
//
// Source: PostgreSQL manual, "Date/Time Types", section "Interval Input".
func TextTypes(m *pgtype.Map) *pgtype.Map {
	out := m.Copy()
	out.TryWrapEncodePlanFuncs = slices.Clone(m.TryWrapEncodePlanFuncs)
	if typ, ok := m.TypeForOID(pgtype.IntervalOID); ok {
		if codec, ok := typ.Codec.(pgtype.IntervalCodec); ok {
			out.RegisterType(&pgtype.Type{Name: typ.Name, OID: typ.OID, Codec: signedInterval{codec}})
		}
	}
	return out
}

// mayHoldInterval reports whether values of the codec are or contain intervals.
func mayHoldInterval(codec pgtype.Codec) bool {
	switch c := codec.(type) {
	case pgtype.IntervalCodec:
		return true
	case *pgtype.ArrayCodec:
		return mayHoldInterval(c.ElementType.Codec)
	case *pgtype.RangeCodec:
		return mayHoldInterval(c.ElementType.Codec)
	case *pgtype.MultirangeCodec:
		return mayHoldInterval(c.ElementType.Codec)
	case *pgtype.CompositeCodec:
		return slices.ContainsFunc(c.Fields, func(f pgtype.CompositeCodecField) bool { return mayHoldInterval(f.Type.Codec) })
	}
	return false
}

// A signedInterval writes each field of an interval's text with its sign.
type signedInterval struct{ pgtype.IntervalCodec }

func (c signedInterval) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	plan := c.IntervalCodec.PlanEncode(m, oid, format, value)
	if plan == nil || format != pgtype.TextFormatCode {
		return plan
	}
	return signedPlan{plan}
}

type signedPlan struct{ plan pgtype.EncodePlan }

func (p signedPlan) Encode(value any, buf []byte) ([]byte, error) {
	text, err := p.plan.Encode(value, nil)
	if err != nil || text == nil {
		return nil, err
	}
	for i, c := range text {
		if isDigit := '0' <= c && c <= '9'; isDigit && (i == 0 || text[i-1] == ' ') {
			buf = append(buf, '+')
		}
		buf = append(buf, c)
	}
	return buf, nil
}
