package main

import (
	"fmt"

	"github.com/headrace/headrace/examples/shared/geonames"
)

// Facts are the results of the program; with -json it prints them as one
// object. Times are medians. Ratios are compared with fields that end in
// _target, but they do not affect the exit status, because other programs may
// keep the machine busy.
type Facts struct {
	Server string `json:"server"` // version and origin of the server

	Loaded            int64   `json:"loaded"`               // rows in the table after loading
	LoadSeconds       float64 `json:"load_seconds"`         // for all of them
	LoadRowsPerSecond float64 `json:"load_rows_per_second"` // by COPY

	Pages          int     `json:"pages"`            // number of pages, read by following Next
	WalkedRows     int     `json:"walked_rows"`      // on these pages
	WalkedTwice    int     `json:"walked_twice"`     // rows that occurred more than once
	Page1Ms        float64 `json:"page_1_ms"`        // 100 rows, by keys
	Page1000Ms     float64 `json:"page_1000_ms"`     // the thousandth, by keys
	Offset1000Ms   float64 `json:"offset_1000_ms"`   // the thousandth, by OFFSET
	PageRatio      float64 `json:"page_ratio"`       // page_1000_ms / page_1_ms
	PageTarget     float64 `json:"page_target"`      // at most
	UncachedUs     float64 `json:"uncached_us"`      // the first page from the server
	CachedUs       float64 `json:"cached_us"`        // from memory
	CacheRatio     float64 `json:"cache_ratio"`      // uncached_us / cached_us
	CacheTarget    float64 `json:"cache_target"`     // at least
	OwnChangeSeen  bool    `json:"own_change_seen"`  // at the next cached read after the write
	TTLSeconds     float64 `json:"ttl_seconds"`      // of the cached reads of one city
	OtherUnseen    bool    `json:"other_unseen"`     // another connection's change: not seen before the TTL ended
	OtherSeenAfter bool    `json:"other_seen_after"` // and seen after

	Inserted  int64 `json:"inserted"` // by the upsert of 1,000 rows
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`

	CacheLookups  uint64 `json:"cache_lookups"`  // reads through the cached handle
	CacheAnswered uint64 `json:"cache_answered"` // reads that were served from memory

	Redis *RedisFacts `json:"redis,omitempty"` // with -redis only

	Failed []string `json:"failed"` // claims that did not hold; the exit status is 1 if there are any
}

// RedisFacts are about two caches, each with a handle of its own, that share
// results in Redis as two processes would.
type RedisFacts struct {
	Address string `json:"address"`

	Reads        int     `json:"reads"`          // by the first cache, and the same by the second
	Served       int     `json:"served"`         // of those of the second, by Redis
	CityServerUs float64 `json:"city_server_us"` // one row by key from the server
	CityRedisUs  float64 `json:"city_redis_us"`  // from Redis
	PageServerMs float64 `json:"page_server_ms"` // 100 rows by OFFSET from the server
	PageRedisMs  float64 `json:"page_redis_ms"`  // from Redis

	Changes     int     `json:"changes"`      // through the first handle
	ChangesSeen int     `json:"changes_seen"` // by the memory of the second cache, before the TTL ended
	ChangeMs    float64 `json:"change_ms"`    // from the commit until then
}

const cityCount = geonames.Cities

// check compares the facts with the claims of the README.
func (f *Facts) check() {
	f.Failed = []string{} // not null in JSON
	claim := func(holds bool, format string, args ...any) {
		if !holds {
			f.Failed = append(f.Failed, fmt.Sprintf(format, args...))
		}
	}
	claim(f.Loaded == cityCount, "loaded %d rows, want %d", f.Loaded, cityCount)
	claim(f.WalkedRows == cityCount && f.WalkedTwice == 0,
		"the walk met %d rows, %d of them twice, want %d once each", f.WalkedRows, f.WalkedTwice, cityCount)
	claim(f.OwnChangeSeen, "the cached handle did not see its own change at once")
	claim(f.OtherUnseen, "the cached handle saw another connection's change before the TTL ended")
	claim(f.OtherSeenAfter, "the cached handle did not see another connection's change after the TTL")
	claim(f.Inserted == 500 && f.Updated == 500 && f.Unchanged == 0,
		"the upsert inserted %d, updated %d and left %d, want 500, 500 and 0", f.Inserted, f.Updated, f.Unchanged)
	if r := f.Redis; r != nil {
		claim(r.Served == r.Reads, "Redis served %d of %d reads to the second cache", r.Served, r.Reads)
		claim(r.ChangesSeen == r.Changes, "the memory of the second cache saw %d of %d changes", r.ChangesSeen, r.Changes)
	}
}
