package dbdebug

import (
	"time"
)

// A snapshot is what the page shows, and the JSON. It holds no argument and no
// constant of a statement's text. Durations are in seconds.
type snapshot struct {
	Title   string    `json:"title"`
	At      time.Time `json:"at"`
	Actions bool      `json:"actions"`

	Summary  summary   `json:"summary"`
	Missing  []missing `json:"missing"` // what is not shown, and how to get it
	Checks   []check   `json:"checks"`
	Findings []finding `json:"findings"`
	Warnings []warning `json:"warnings"`

	Statements []statement `json:"statements"`
	Latest     []span      `json:"latest_spans"`
	Slowest    []span      `json:"slowest_spans"`
	Pool       pool        `json:"pool"`
	Held       []held      `json:"held_connections"`
	Caches     []cache     `json:"caches"`
	Panels     []panelView `json:"panels"`
	Over       []series    `json:"over_time"`
	Windows    windows     `json:"windows"`
}

// A summary is the first line of the page: how it is, in five values.
type summary struct {
	Health     string `json:"health"` // "ready", "degraded", "not ready" or "not checked"
	HealthText string `json:"health_text"`

	Bottleneck     string `json:"bottleneck"` // the resource; "" without a monitor
	BottleneckText string `json:"bottleneck_text"`

	// Of the last window; without a monitor, of the time since the handle was
	// opened, and Window is 0.
	Window    seconds `json:"window"`
	Idle      bool    `json:"idle"` // no calls in it
	Calls     int64   `json:"calls"`
	Rate      float64 `json:"calls_per_second"`
	P50       seconds `json:"p50"`
	P99       seconds `json:"p99"`
	WaitP99   seconds `json:"wait_p99"`
	P99Worst  seconds `json:"p99_worst"`  // of the windows of the last minute
	Errors    int64   `json:"errors"`     // of the last minute
	ErrorRate float64 `json:"error_rate"` // likewise

	InUse   int `json:"pool_in_use"`
	Max     int `json:"pool_max"`
	Waiting int `json:"pool_waiting"` // callers, at the end of the last window
}

// seconds is a duration. In JSON it is a number of seconds.
type seconds float64

func secondsOf(d time.Duration) seconds { return seconds(d.Seconds()) }

// A series is one figure over time, oldest first.
type series struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"` // "seconds", "bytes", "share", "count" or "per second"
	Values []float64 `json:"values"`
	Detail string    `json:"detail,omitempty"`
}

// A missing says what is not shown, and how to get it.
type missing struct {
	What string `json:"what"`
	How  string `json:"how"`
}

// A check is one health check.
type check struct {
	Name   string  `json:"name"`
	State  string  `json:"state"` // "ok", "degraded" or "failed"
	Detail string  `json:"detail"`
	Took   seconds `json:"took"`
}

// A finding is what takes time that the program need not spend, and what to do.
type finding struct {
	Kind      string   `json:"kind"`
	Title     string   `json:"title"`
	Share     float64  `json:"share"` // 0 to 1
	Of        string   `json:"share_of"`
	Evidence  string   `json:"evidence"`
	Do        string   `json:"do"`
	Key       string   `json:"key,omitempty"` // of the statement that it is about
	Statement string   `json:"statement,omitempty"`
	Stack     []string `json:"stack,omitempty"`
}

// A warning is a threshold that is crossed.
type warning struct {
	Since time.Time `json:"since"`
	Text  string    `json:"text"`
}

// A statement holds the figures of one statement.
type statement struct {
	Key         string           `json:"key"` // identifies the statement on the page
	Fingerprint string           `json:"fingerprint"`
	Name        string           `json:"name"`
	Text        string           `json:"text"`
	Calls       int64            `json:"calls"`
	Rate        float64          `json:"calls_per_second"` // in the last minute
	Share       float64          `json:"share"`            // of the time of all statements, 0 to 1
	Total       seconds          `json:"total"`
	Mean        seconds          `json:"mean"`
	P50         seconds          `json:"p50"`
	P95         seconds          `json:"p95"`
	P99         seconds          `json:"p99"`
	Max         seconds          `json:"max"`
	Wait        seconds          `json:"wait"`
	Network     seconds          `json:"network"`
	Rows        int64            `json:"rows"`
	Bytes       int64            `json:"bytes"`
	Errors      int64            `json:"errors"`
	ErrorsBy    map[string]int64 `json:"errors_by_class,omitempty"`
	Buckets     []bucket         `json:"histogram"`
	Load        float64          `json:"load"`           // seconds of its time per second, in the last minute
	LoadOver    []float64        `json:"load_over_time"` // in each window
}

// A bucket counts durations above those of the bucket before and up to To.
type bucket struct {
	To    seconds `json:"to"`
	Count int64   `json:"count"`
}

// A span is one operation of the program.
type span struct {
	Key         string     `json:"key"`
	Name        string     `json:"name"`
	Began       time.Time  `json:"began"`
	Took        seconds    `json:"took"`
	Wait        seconds    `json:"wait"`
	Server      seconds    `json:"server"`
	Decode      seconds    `json:"decode"`
	Rest        seconds    `json:"rest"`
	Statements  int64      `json:"statements"`
	Rows        int64      `json:"rows"`
	Bytes       int64      `json:"bytes"`
	Errors      int64      `json:"errors"`
	Retries     int64      `json:"retries"`
	CacheHits   int64      `json:"cache_hits"`
	CacheMisses int64      `json:"cache_misses"`
	Allocated   uint64     `json:"allocated_bytes"`
	ByStatement []spanPart `json:"by_statement,omitempty"`
	Repeats     []repeat   `json:"repeats,omitempty"`
	Nested      []span     `json:"spans,omitempty"`
	Omitted     int        `json:"omitted_spans,omitempty"`
}

// A spanPart is one statement in a span.
type spanPart struct {
	Key       string   `json:"key"`
	Label     string   `json:"label"`
	Calls     int64    `json:"calls"`
	Rows      int64    `json:"rows"`
	Errors    int64    `json:"errors"`
	Time      seconds  `json:"time"`
	Network   seconds  `json:"network"`
	Identical int64    `json:"identical_arguments"`
	Sites     []string `json:"call_sites,omitempty"`
}

// A repeat is a statement in a loop.
type repeat struct {
	Key   string   `json:"key"`
	Label string   `json:"label"`
	Calls int64    `json:"calls"`
	Stack []string `json:"stack"`
}

// A pool holds the figures of the pool of connections.
type pool struct {
	InUse       int32   `json:"in_use"`
	Idle        int32   `json:"idle"`
	Opening     int32   `json:"opening"`
	Max         int32   `json:"max"`
	Waits       int64   `json:"waits"`
	WaitTotal   seconds `json:"wait_total"`
	WaitP50     seconds `json:"wait_p50"`
	WaitP95     seconds `json:"wait_p95"`
	WaitP99     seconds `json:"wait_p99"`
	WaitMax     seconds `json:"wait_max"`
	Opened      int64   `json:"opened"`
	ClosedIdle  int64   `json:"closed_idle"`
	ClosedAge   int64   `json:"closed_age"`
	Canceled    int64   `json:"canceled_waits"`
	LostNames   int64   `json:"lost_names"`
	HeldOmitted int     `json:"held_omitted"`
}

// A held connection has been in use for longer than heldAfter.
type held struct {
	For       seconds  `json:"for"`
	State     string   `json:"state"`
	Statement string   `json:"statement"`
	Stack     []string `json:"stack"`
}

// A cache holds the figures of a query cache.
type cache struct {
	Name       string        `json:"name"`
	Lookups    uint64        `json:"lookups"`
	Answered   uint64        `json:"answered"`
	HitRatio   float64       `json:"hit_ratio"`
	Entries    int           `json:"entries"`
	Bytes      int64         `json:"bytes"`
	Budget     int64         `json:"budget"`
	MaxBytes   int64         `json:"max_bytes"`
	Evicted    uint64        `json:"evicted"`
	Flights    int           `json:"loads"`
	Reasons    []reasonCount `json:"reasons"`
	Tiers      []tier        `json:"tiers"`
	Statements []cached      `json:"statements"`
}

// A tier holds the figures of a further tier of a cache.
type tier struct {
	Name         string  `json:"name"`
	State        string  `json:"state"`
	Reads        uint64  `json:"reads"` // hits and misses
	Hits         uint64  `json:"hits"`
	Misses       uint64  `json:"misses"`
	HitRatio     float64 `json:"hit_ratio"`
	Passed       uint64  `json:"passed"`
	Errors       uint64  `json:"errors"`
	Median       seconds `json:"median"`
	P99          seconds `json:"p99"`
	BytesRead    int64   `json:"bytes_read"`
	BytesWritten int64   `json:"bytes_written"`
	Down         bool    `json:"down"`
	Pending      int     `json:"pending"`
	LastError    string  `json:"last_error"`
}

// A cached statement is one that was looked up in a cache.
type cached struct {
	Name     string        `json:"name"`
	Text     string        `json:"text"`
	Lookups  uint64        `json:"lookups"`
	Answered uint64        `json:"answered"`
	HitRatio float64       `json:"hit_ratio"`
	Policy   string        `json:"policy"`
	Reasons  []reasonCount `json:"reasons"`
}

type reasonCount struct {
	Reason string  `json:"reason"`
	Class  string  `json:"-"` // hit, miss or none
	Count  uint64  `json:"count"`
	Share  float64 `json:"share"`
}

// A panelView holds the rows of a Panel.
type panelView struct {
	Name    string `json:"name"`
	Rows    []row  `json:"rows"`
	Problem string `json:"problem,omitempty"`
}

type row struct {
	Name    string  `json:"name"`
	Text    string  `json:"text"`
	Unknown bool    `json:"unknown,omitempty"` // no share
	Share   float64 `json:"share"`             // done, 0 to 1
}

// windows describes the windows that the series are made of.
type windows struct {
	Count int       `json:"count"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}
