package dbdebug

import (
	"fmt"
	"hash/crc32"

	"github.com/headrace/headrace/db"
)

func (out *snapshot) addSpans(all db.Spans) {
	out.Latest, out.Slowest = spans("l", all.Latest), spans("s", all.Slowest)
}

// spans converts spans. list makes their keys differ from those of other lists.
func spans(list string, all []db.SpanStats) []span {
	var out []span
	seen := make(map[string]int)
	for i := range all {
		one := spanOf(&all[i])
		key := fmt.Sprintf("%s%x-%x", list, all[i].Began.UnixNano(), crc32.ChecksumIEEE([]byte(all[i].Name)))
		seen[key]++
		one.Key = fmt.Sprintf("%s-%d", key, seen[key])
		out = append(out, one)
	}
	return out
}

func spanOf(s *db.SpanStats) span {
	out := span{
		Name: s.Name, Began: s.Began.UTC(), Took: secondsOf(s.Took),
		Wait: secondsOf(s.Wait), Server: secondsOf(s.Server), Decode: secondsOf(s.Decode), Rest: secondsOf(s.Rest),
		Statements: s.Statements, Rows: s.Rows, Bytes: s.Bytes, Errors: s.Errors, Retries: s.Retries,
		CacheHits: s.CacheHits, CacheMisses: s.CacheMisses, Allocated: s.AllocatedBytes, Omitted: s.Omitted,
	}
	for i := range s.ByStatement {
		st := &s.ByStatement[i]
		one := spanPart{
			Key: keyOf(st.Fingerprint, st.Name), Label: label(st.Name, st.Text), Calls: st.Calls, Rows: st.Rows, Errors: st.Errors,
			Time: secondsOf(st.Time), Network: secondsOf(st.Network), Identical: st.Identical,
		}
		for _, site := range st.Sites {
			if len(site.Stack) > 0 {
				one.Sites = append(one.Sites, stackOf(site.Stack[:1])[0])
			}
		}
		out.ByStatement = append(out.ByStatement, one)
	}
	for _, r := range s.Repeats {
		out.Repeats = append(out.Repeats, repeat{keyOf(r.Fingerprint, r.Name), label(r.Name, r.Text), r.Calls, stackOf(r.Stack)})
	}
	for i := range s.Spans {
		out.Nested = append(out.Nested, spanOf(&s.Spans[i]))
	}
	return out
}
